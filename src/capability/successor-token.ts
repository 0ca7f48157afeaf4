/**
 * What a token is refreshed into, but for the signature: its id follows from the old one's, so that however often, and
 * by however many, one token is refreshed, only one descends from it.
 */
import { sha256Hex } from "../kernel/digest.ts";
import { TokenId } from "../kernel/ids.ts";
import { refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import type { SuccessorToken } from "../quota/token-contracts.ts";
import type { Capability } from "./claims.ts";
import { canBeFollowed } from "./signed-by.ts";

/** For as long again, and not beyond the end of its chain. */
export async function successorOf(capability: Capability, nowMs: number): Promise<Result<SuccessorToken>> {
  const { tokenId, issuedAtSeconds, expiresAtSeconds, refreshUntilSeconds } = capability;
  // It may say a second that has not come: one that is issued in the second of a revocation does.
  const issuedAgainSeconds = Math.max(issuedAtSeconds, Math.floor(nowMs / 1_000));
  const endsSeconds = issuedAgainSeconds + (expiresAtSeconds - issuedAtSeconds);
  const expiresAgainSeconds = Math.min(endsSeconds, refreshUntilSeconds ?? 0);
  if (!(expiresAgainSeconds > expiresAtSeconds) || !canBeFollowed(capability))
    return fail(refuse("token_not_refreshable"));
  return ok({
    tokenId: await successorIdOf(tokenId),
    issuedAtSeconds: issuedAgainSeconds,
    expiresAtSeconds: expiresAgainSeconds,
  });
}

const successorIdOf = async (tokenId: TokenId): Promise<TokenId> =>
  TokenId.parse(`token_${(await sha256Hex(`refresh/${tokenId}`)).slice(0, 32)}`);
