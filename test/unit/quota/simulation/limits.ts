/** The limits of a simulated tenant, and asks under them: all windows, all scopes, unequal amounts. */
import type { LedgerCandidate } from "../../../../src/quota/contracts.ts";
import type { LimitClaim } from "../../../../src/quota/limit-claim.ts";
import type { Chance } from "./chance.ts";

type Limit = Omit<LimitClaim, "amount" | "subject">;

const MOST_TOKENS = 400;

/** @param room 1..100 */
export function limitsOf(room: number): readonly Limit[] {
  const requests = 4 + room * 12;
  const tokens = requests * MOST_TOKENS;
  return [
    { owner: "policy:a", scope: "agent", meter: "requests", window: "minute", limit: requests },
    { owner: "policy:a", scope: "agent", meter: "tokens", window: "day", limit: tokens },
    { owner: "policy:a", scope: "agent", meter: "concurrent", window: "open", limit: 2 + room },
    { owner: "policy:a", scope: "user", meter: "tokens", window: "minute", limit: tokens },
    { owner: "policy:a", scope: "tenant", meter: "requests", window: "minute", limit: 1.5 * requests },
    { owner: "policy:a", scope: "tenant", meter: "tokens", window: "day", limit: tokens },
    { owner: "policy:b", scope: "tenant", meter: "cost", window: "month", limit: 2 * tokens },
    { owner: "policy:b", scope: "tenant", meter: "tokens", window: "minute", limit: tokens },
    { owner: "policy:b", scope: "tenant", meter: "concurrent", window: "open", limit: 1 + room },
    { owner: "policy:b", scope: "agent", meter: "cost", window: "month", limit: tokens },
  ];
}

/** @param plain no limit that forces every reservation to be stored. */
export function candidateOf(limits: readonly Limit[], chance: Chance, plain: boolean): LedgerCandidate {
  const tokens = chance.between(1, MOST_TOKENS);
  const amounts = { requests: 1, tokens, cost: tokens * 2, concurrent: 1 };
  const claims: LimitClaim[] = [];
  for (const limit of limits) {
    if (!chance.happens(0.5) || (plain && limit.meter === "concurrent")) continue;
    const subject = limit.scope === "user" ? `user-${chance.between(1, 3)}` : null;
    claims.push({ ...limit, subject, amount: amounts[limit.meter] });
  }
  return { claims, reservedTokens: tokens, reservedCostNanoUsd: tokens * 2 };
}
