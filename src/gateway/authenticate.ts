/** The second stage: from what a client presents to a verified capability. */
import type { Capability } from "../capability/claims.ts";
import type { Result } from "../kernel/result.ts";
import type { GatewayPorts } from "./gateway-ports.ts";
import { presentedToken } from "./presented-token.ts";

export async function authenticate(
  { verifier, clock }: Pick<GatewayPorts, "verifier" | "clock">,
  headers: Headers,
): Promise<Result<Capability>> {
  const token = presentedToken(headers);
  return token.ok ? verifier.verify(token.value, clock()) : token;
}
