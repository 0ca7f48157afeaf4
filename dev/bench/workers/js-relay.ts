/** A relay in JavaScript that checks nothing: it reads each piece of a stream and sends it on. What metering event by event can reach at best. */
interface RelayEnv {
  readonly UPSTREAM: string;
}

export default {
  async fetch(request: Request, env: RelayEnv): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    const upstream = await fetch(`${env.UPSTREAM}${pathname}${search}`, request);
    const reader = upstream.body?.getReader();
    if (!reader) return upstream;
    const relayed = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const { value, done } = await reader.read();
        if (done) controller.close();
        else controller.enqueue(value);
      },
    });
    return new Response(relayed, upstream);
  },
};
