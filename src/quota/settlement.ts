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

export function actualOf(
  { meter, amount }: Pick<Charge, "meter" | "amount">,
  outcome: SettleOutcome,
): number {
  // Whatever else it cost, the call is not under way any more.
  if (meter === "concurrent" || outcome.kind === "released") return 0;
  return outcome.kind === "used" ? (spentOf[meter](outcome) ?? amount) : amount;
}

export const AS_RESERVED: SettleOutcome = { kind: "as_reserved" };
