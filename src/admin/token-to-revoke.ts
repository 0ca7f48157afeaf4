/**
 * The token that somebody wants revoked, by its text. One that has ended opens nothing, but what it was refreshed into may:
 * it is verified as of the moment that it says it was issued, and counts for as long as its chain can last.
 */
import * as z from "zod";
import { type Capability, CapabilityClaims } from "../capability/claims.ts";
import { readCompactJws } from "../capability/compact-jws.ts";
import type { TokenVerifier } from "../capability/verify-token.ts";
import { SECOND_MS } from "../kernel/clock.ts";
import type { Result } from "../kernel/result.ts";

const Issue = z.object({ iat: CapabilityClaims.shape.iat });

export async function tokenToRevoke(
  verifier: TokenVerifier,
  text: string,
  nowMs: number,
): Promise<Result<Capability>> {
  const verified = await verifier.verify(text, nowMs);
  if (verified.ok || verified.error.code !== "token_expired") return verified;
  const issue = Issue.safeParse(readCompactJws(text)?.payload);
  if (!issue.success) return verified;
  const atIssue = await verifier.verify(text, issue.data.iat * SECOND_MS);
  const goesOn = atIssue.ok && (atIssue.value.refreshUntilSeconds ?? 0) * SECOND_MS > nowMs;
  return goesOn ? atIssue : verified;
}
