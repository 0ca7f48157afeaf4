/**
 * How the charges of a reservation end: used, as reserved, released, expired, taken back. A reservation that expired
 * was charged in full; a settlement that comes after all corrects that by the difference. Pure.
 */
import type { Usage } from "./contracts.ts";
import type { Charge, CounterMove } from "./counters.ts";
import type { Meter } from "./limit-claim.ts";

/**
 * `tentative`: charged here while the tenant's ledger is asked; nobody has been told, so it is taken back, not expired.
 */
export const reservationStates = ["tentative", "open", "settled", "expired"] as const;
export type ReservationState = (typeof reservationStates)[number];

/** What a call used, per meter; null = as reserved. */
export type Spent = Readonly<Record<Meter, number>> | null;

export type SettleOutcome =
  | { readonly kind: "used"; readonly usage: Usage }
  | { readonly kind: "as_reserved" }
  | { readonly kind: "released" };

export const RELEASED = { requests: 0, tokens: 0 } as const satisfies Spent;

export function spentOf(outcome: SettleOutcome): Spent {
  if (outcome.kind === "used") return { requests: 1, tokens: outcome.usage.totalTokens };
  return outcome.kind === "released" ? RELEASED : null;
}

export const reserveMoves = (charges: readonly Charge[]): CounterMove[] =>
  charges.map(({ counter, bucket, amount }) => ({ counter, bucket, settled: 0, reserved: amount }));

/** More than was reserved is debt: it counts, in the window of the reservation, even beyond the limit. */
export function settleMoves(
  state: "open" | "expired",
  charges: readonly Charge[],
  spent: Spent,
): CounterMove[] {
  return charges.map(({ counter, bucket, meter, amount }) => {
    const actual = spent === null ? amount : spent[meter];
    return state === "open"
      ? { counter, bucket, settled: actual, reserved: -amount }
      : { counter, bucket, settled: actual - amount, reserved: 0 };
  });
}

export const expiryMoves = (charges: readonly Charge[]): CounterMove[] => settleMoves("open", charges, null);

export const takeBackMoves = (charges: readonly Charge[]): CounterMove[] =>
  settleMoves("open", charges, RELEASED);
