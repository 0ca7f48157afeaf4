/**
 * Calendar windows: which bucket a moment falls into, and when that bucket ends. A call belongs to the bucket in which
 * it was reserved, whenever it is settled; `now` is always the clock of the ledger that counts.
 */
import { DAY_MS } from "../kernel/clock.ts";
import type { Window } from "./limit-claim.ts";

const lengthMs: Record<Window, number> = { day: DAY_MS };

/** Days since the Unix epoch, in UTC: epoch milliseconds have no leap seconds, so days are all of one length. */
export const bucketOf = (window: Window, nowMs: number): number => Math.floor(nowMs / lengthMs[window]);

export const bucketEndMs = (window: Window, bucket: number): number => (bucket + 1) * lengthMs[window];
