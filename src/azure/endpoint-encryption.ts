/**
 * https to every backend; plain http counts only to the loopback, and only where the gateway itself runs locally. Asked
 * when a deployment is written, and again before each call.
 */

const loopback = new Set(["127.0.0.1", "[::1]", "localhost"]);

export const isLoopback = ({ hostname }: URL): boolean => loopback.has(hostname);

export const endpointEncrypted = (url: URL, isLocal: boolean): boolean =>
  url.protocol === "https:" || (isLocal && isLoopback(url));

const parsed = new WeakMap<object, URL>();

/** Of a backend, which is immutable: its address is read once. */
export function backendEncrypted(backend: { readonly endpoint: string }, isLocal: boolean): boolean {
  const url = parsed.get(backend) ?? new URL(backend.endpoint);
  parsed.set(backend, url);
  return endpointEncrypted(url, isLocal);
}
