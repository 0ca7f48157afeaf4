/**
 * The second stage: from what a client presents to a verified capability. A refusal passes the flood shield; a valid
 * token never meets it.
 */
import type { Capability } from "../capability/claims.ts";
import { fail, type Result } from "../kernel/result.ts";
import type { GatewayPorts } from "./gateway-ports.ts";
import { presentedToken } from "./presented-token.ts";

export async function authenticate(
  { verifier, clock, shield }: Pick<GatewayPorts, "verifier" | "clock" | "shield">,
  headers: Headers,
): Promise<Result<Capability>> {
  const token = presentedToken(headers);
  const verified = token.ok ? await verifier.verify(token.value, clock()) : token;
  return verified.ok ? verified : fail(await shield.refused(headers.get("cf-connecting-ip"), verified.error));
}
