/**
 * What a call used of each charge, by how it ended. A reservation that expired was charged in full; a settlement that
 * comes after all corrects that by the difference. Pure.
 */
import type { Settle } from "./contracts.ts";
import type { Charge } from "./counter-book.ts";
import type { Meter } from "./limit-claim.ts";

export type SettleOutcome = Settle["outcome"];

/** Null = as reserved. More than was reserved is debt: it counts, even beyond the limit. */
type Spent = (outcome: SettleOutcome & { kind: "used" }) => number | null;

const spentOf: Record<Meter, Spent> = {
  requests: () => 1,
  tokens: ({ usage }) => usage.totalTokens,
  cost: ({ costNanoUsd }) => costNanoUsd,
  concurrent: () => 0,
};

/** What it costs as far as its end tells, whatever was reserved. */
export const knownCostOf = (outcome: SettleOutcome): number | null =>
  outcome.kind === "released" ? null : (outcome.costNanoUsd ?? null);

export function actualOf(
  { meter, amount }: Pick<Charge, "meter" | "amount">,
  outcome: SettleOutcome,
): number {
  // Whatever else it cost, the call is not under way any more.
  if (meter === "concurrent" || outcome.kind === "released") return 0;
  if (outcome.kind === "used") return spentOf[meter](outcome) ?? amount;
  // Of tokens nothing was told; what it costs may be known all the same.
  return meter === "cost" ? (knownCostOf(outcome) ?? amount) : amount;
}

export const AS_RESERVED = { kind: "as_reserved" } as const satisfies SettleOutcome;
