/**
 * What a proof must be for, of a request: its method and the URL that its caller has called. The public origin is that of
 * the audience, whatever name the request came under; locally, where no audience is set, the name it came under counts too.
 */
import type { ProvenRequest } from "../capability/verify-proof.ts";
import type { GatewayPorts } from "./gateway-ports.ts";

export function provenRequest(
  { publicOrigin, isLocal }: Pick<GatewayPorts, "publicOrigin" | "isLocal">,
  { method, url }: Pick<Request, "method" | "url">,
): ProvenRequest {
  return {
    method,
    // Most tokens are bound to no key, and nobody reads this then.
    get urls() {
      const { origin, pathname } = new URL(url);
      const publicUrl = `${publicOrigin}${pathname}`;
      return isLocal ? ([`${origin}${pathname}`, publicUrl] as const) : ([publicUrl] as const);
    },
  };
}
