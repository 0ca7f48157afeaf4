/**
 * The second stage: from what a client presents to a verified capability, and where that is bound to a key to the proof
 * that its holder has it. A refusal passes the flood shield; a valid token never meets it.
 */
import type { Capability } from "../capability/claims.ts";
import { type Presented, type Proof, provenPossession } from "../capability/verify-proof.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import type { GatewayPorts } from "./gateway-ports.ts";
import { presentedToken } from "./presented-token.ts";
import { provenRequest } from "./proven-request.ts";

export interface Authenticated {
  readonly capability: Capability;
  /** Null where the token is bound to no key. The ledger is to be told of it: it may have been used before. */
  readonly proof: Proof | null;
}

type VerifyPorts = Pick<GatewayPorts, "verifier" | "clock" | "publicOrigin" | "isLocal">;

export const authenticate = (
  ports: VerifyPorts & Pick<GatewayPorts, "shield">,
  request: Request,
): Promise<Result<Authenticated>> => authenticateToken(ports, request, presentedToken(request.headers));

/** @param presented what the client presents, wherever it put it. */
export async function authenticateToken(
  ports: VerifyPorts & Pick<GatewayPorts, "shield">,
  request: Request,
  presented: Result<Presented>,
): Promise<Result<Authenticated>> {
  const verified = presented.ok ? await verifyPresented(ports, request, presented.value) : presented;
  if (verified.ok) return verified;
  return fail(await ports.shield.refused(request.headers.get("cf-connecting-ip"), verified.error));
}

export async function verifyPresented(
  ports: VerifyPorts,
  request: Request,
  presented: Presented,
): Promise<Result<Authenticated>> {
  const nowMs = ports.clock();
  const verified = await ports.verifier.verify(presented.token, nowMs);
  if (!verified.ok) return verified;
  const capability = verified.value;
  const proof = await provenPossession(presented, capability, provenRequest(ports, request), nowMs);
  return proof.ok ? ok({ capability, proof: proof.value }) : proof;
}

/** The same of a token that stands in a body, as /v1/enforce takes it. */
export const verifyInBody = (
  ports: VerifyPorts,
  request: Request,
  token: string,
): Promise<Result<Authenticated>> =>
  verifyPresented(ports, request, { token, scheme: "body", proof: request.headers.get("dpop") });
