/** https to every backend; plain http counts only to the loopback, and only where the gateway itself runs locally. */
import type { Backend } from "../azure/backend.ts";

const loopback = new Set(["127.0.0.1", "[::1]", "localhost"]);

export function backendEncrypted(backend: Pick<Backend, "endpoint">, isLocal: boolean): boolean {
  const url = new URL(backend.endpoint);
  return url.protocol === "https:" || (isLocal && loopback.has(url.hostname));
}
