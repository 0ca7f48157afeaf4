/** Which counters callers can multiply at will: those of end users, of addresses, and of tokens that they exchange. Pure. */
import type { LedgerCaller } from "./ledger-caller.ts";
import type { LimitClaim } from "./limit-claim.ts";

/** With so many of any kind, none of these is begun. */
export const MAX_COUNTERS = 10_000;

/** Of tokens, only the first of a family was issued to somebody with an API key. */
export function isMultiplied(
  { owner, subject }: Pick<LimitClaim, "owner" | "subject">,
  { ancestors = [], ...self }: Pick<LedgerCaller, "tokenId" | "rootTokenId" | "ancestors">,
): boolean {
  const { tokenId, rootTokenId = tokenId } = ancestors[0] ?? self;
  return subject !== null || (owner.startsWith("token:") && owner !== `token:${rootTokenId}`);
}
