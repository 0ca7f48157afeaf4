/**
 * A relay that checks nothing and lets the runtime carry each stream, but as it must be carried where somebody means to
 * meter it and to say how it ended: through a channel whose end is the relay's, with a copy that is read once. What passing
 * and metering can reach at best in that way.
 */
interface RelayEnv {
  readonly UPSTREAM: string;
}

const COPY_BYTES = 8_192;

export default {
  async fetch(request: Request, env: RelayEnv, context: ExecutionContext): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    const upstream = await fetch(`${env.UPSTREAM}${pathname}${search}`, request);
    const { body } = upstream;
    if (request.method !== "POST" || body === null) return upstream;
    const channel = new IdentityTransformStream();
    const [toCaller, copy] = channel.readable.tee();
    const reader = copy.getReader({ mode: "byob" });
    async function carry(from: ReadableStream<Uint8Array>): Promise<void> {
      await from.pipeTo(channel.writable, { preventClose: true, preventAbort: true });
      await reader.read(new Uint8Array(COPY_BYTES));
      await channel.writable.close();
    }
    context.waitUntil(carry(body));
    return new Response(toCaller, upstream);
  },
};
