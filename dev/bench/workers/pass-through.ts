/** The bare Worker that the gateway is compared with: forwards everything, looks at nothing. */
interface PassThroughEnv {
  readonly UPSTREAM: string;
}

export default {
  fetch(request: Request, env: PassThroughEnv): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    return fetch(`${env.UPSTREAM}${pathname}${search}`, request);
  },
};
