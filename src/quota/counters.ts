/**
 * Counters: what each (name, bucket) has settled and reserved, and the one place where a limit is compared with them.
 * Pure: totals are read through a parameter, and changes come out as moves that the ledger stores.
 * Invariant (G1): at admission, settled + reserved + amount <= limit for every claim of a candidate.
 */
import * as z from "zod";
import type { LimitState } from "./contracts.ts";
import { counterName, type LimitClaim, Meter } from "./limit-claim.ts";
import { bucketEndMs, bucketOf } from "./windows.ts";

export interface Total {
  readonly settled: number;
  readonly reserved: number;
}

export type ReadTotal = (counter: string, bucket: number) => Total;

/** What a reservation holds of one counter. */
export const Charge = z.object({
  counter: z.string(),
  bucket: z.int(),
  meter: Meter,
  amount: z.int().min(0),
});
export type Charge = z.infer<typeof Charge>;

/** A change to add to a counter. */
export interface CounterMove {
  readonly counter: string;
  readonly bucket: number;
  readonly settled: number;
  readonly reserved: number;
}

export type Admission =
  | { readonly admitted: true; readonly charges: readonly Charge[]; readonly limits: LimitState[] }
  | { readonly admitted: false; readonly binding: LimitState };

/** One charge per counter: two limits on the same counter both bind, but the call is counted once. */
function chargesOf(claims: readonly LimitClaim[], nowMs: number): Map<string, Charge> {
  const charges = new Map<string, Charge>();
  for (const claim of claims) {
    const counter = counterName(claim);
    const amount = Math.max(claim.amount, charges.get(counter)?.amount ?? 0);
    charges.set(counter, { counter, bucket: bucketOf(claim.window, nowMs), meter: claim.meter, amount });
  }
  return charges;
}

function limitState(claim: LimitClaim, bucket: number, used: number): LimitState {
  const { owner, scope, meter, window, limit } = claim;
  // Debt can put a counter above its limit; nothing less than nothing is left then.
  const left = Math.max(0, limit - used);
  return { owner, scope, meter, window, limit, left, resetsAtMs: bucketEndMs(window, bucket) };
}

/** All claims or none; the first claim without room is the limit that bound. */
export function admit(read: ReadTotal, claims: readonly LimitClaim[], nowMs: number): Admission {
  const charges = chargesOf(claims, nowMs);
  const limits: LimitState[] = [];
  for (const claim of claims) {
    const counter = counterName(claim);
    const bucket = bucketOf(claim.window, nowMs);
    const { settled, reserved } = read(counter, bucket);
    const used = settled + reserved;
    const after = used + (charges.get(counter)?.amount ?? claim.amount);
    if (after > claim.limit) return { admitted: false, binding: limitState(claim, bucket, used) };
    limits.push(limitState(claim, bucket, after));
  }
  return { admitted: true, charges: [...charges.values()], limits };
}
