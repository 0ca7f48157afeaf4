/**
 * The second stage: from what a client presents to a verified capability. A refusal passes the flood shield; a valid
 * token never meets it.
 */
import type { Capability } from "../capability/claims.ts";
import { fail, type Result } from "../kernel/result.ts";
import type { GatewayPorts } from "./gateway-ports.ts";
import { presentedToken } from "./presented-token.ts";

type AuthenticatePorts = Pick<GatewayPorts, "verifier" | "clock" | "shield">;

export const authenticate = (ports: AuthenticatePorts, headers: Headers): Promise<Result<Capability>> =>
  authenticateToken(ports, headers, presentedToken(headers));

/** @param token what the client presents, wherever it put it. */
export async function authenticateToken(
  { verifier, clock, shield }: AuthenticatePorts,
  headers: Headers,
  token: Result<string>,
): Promise<Result<Capability>> {
  const verified = token.ok ? await verifier.verify(token.value, clock()) : token;
  return verified.ok ? verified : fail(await shield.refused(headers.get("cf-connecting-ip"), verified.error));
}
