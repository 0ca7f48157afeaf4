/**
 * The one place where a limit is compared with its counter. Pure.
 * Invariant (G1): at admission, used + amount <= limit for every claim of a candidate, all or none.
 */
import type { LimitState } from "./contracts.ts";
import type { Charge, CounterBook } from "./counter-book.ts";
import { counterName, type LimitClaim } from "./limit-claim.ts";
import { bucketEndMs, bucketOf } from "./windows.ts";

/** A charge, and what the tightest limit on its counter leaves before it. */
export interface PlannedCharge {
  readonly charge: Charge;
  readonly left: number;
}

export type Admission =
  | { readonly admitted: true; readonly charges: readonly PlannedCharge[]; readonly limits: LimitState[] }
  | { readonly admitted: false; readonly binding: LimitState };

/** The first claim without room is the limit that bound. Two limits on one counter both bind; the call counts once. */
export function admit(book: CounterBook, claims: readonly LimitClaim[], nowMs: number): Admission {
  const planned = new Map<string, PlannedCharge>();
  const limits: LimitState[] = [];
  for (const claim of claims) {
    const { window, meter, limit } = claim;
    const counter = counterName(claim);
    const known = planned.get(counter);
    const amount = Math.max(claim.amount, known?.charge.amount ?? 0);
    const left = limit - book.used(counter, nowMs);
    if (amount > left) {
      return {
        admitted: false,
        binding: limitState(claim, left, roomAtMs(book, counter, { limit, amount }, nowMs)),
      };
    }
    planned.set(counter, {
      charge: { counter, window, bucket: bucketOf(window, nowMs), meter, amount },
      left: Math.min(left, known?.left ?? left),
    });
    limits.push(limitState(claim, left - amount, bucketEndMs(window, bucketOf(window, nowMs))));
  }
  return { admitted: true, charges: [...planned.values()], limits };
}

export const limitState = (
  { owner, scope, meter, window, limit }: Omit<LimitClaim, "amount">,
  left: number,
  resetsAtMs: number | null,
): LimitState => ({
  owner,
  scope,
  meter,
  window,
  limit,
  // Debt can put a counter above its limit; nothing less than nothing is left then.
  left: Math.max(0, left),
  resetsAtMs,
});

/** When there is room if nothing else is asked: buckets stop counting, the oldest first. */
export function roomAtMs(
  book: CounterBook,
  counter: string,
  { limit, amount }: { readonly limit: number; readonly amount: number },
  nowMs: number,
): number | null {
  if (amount > limit) return null;
  let used = book.used(counter, nowMs);
  for (const { window, bucket, used: freed } of book.buckets(counter, nowMs)) {
    if (used + amount <= limit) break;
    used -= freed;
    const endMs = bucketEndMs(window, bucket);
    if (endMs === null || used + amount <= limit) return endMs;
  }
  return nowMs;
}
