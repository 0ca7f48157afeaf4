/**
 * Windows: which bucket a moment falls into, whether a bucket still counts, and when it stops. A call belongs to the
 * bucket in which it was reserved, whenever it is settled; `now` is always the clock of the ledger that counts.
 *
 * The minute slides in buckets of one second, each of which counts until its last moment is 60 s old: in no 60 s is
 * ever more admitted than the limit, and nothing waits more than a second longer than it must.
 */
import { DAY_MS, MINUTE_MS, SECOND_MS } from "../kernel/clock.ts";
import type { Window } from "./limit-claim.ts";

const HOUR_MS = 60 * MINUTE_MS;

interface WindowRule {
  bucketOf(nowMs: number): number;
  /** The first moment at which the bucket no longer counts; null = it counts as long as it holds anything. */
  endMs(bucket: number): number | null;
  /** How long a bucket stays stored after its end: a clock may step back a little. */
  readonly keptMs: number;
}

const rules: Record<Window, WindowRule> = {
  minute: {
    bucketOf: (nowMs) => Math.floor(nowMs / SECOND_MS),
    endMs: (bucket) => (bucket + 1) * SECOND_MS + MINUTE_MS,
    keptMs: MINUTE_MS,
  },
  // Epoch milliseconds have no leap seconds, so UTC days are all of one length.
  day: {
    bucketOf: (nowMs) => Math.floor(nowMs / DAY_MS),
    endMs: (bucket) => (bucket + 1) * DAY_MS,
    keptMs: HOUR_MS,
  },
  month: {
    bucketOf(nowMs) {
      const date = new Date(nowMs);
      return (date.getUTCFullYear() - 1970) * 12 + date.getUTCMonth();
    },
    endMs: (bucket) => Date.UTC(1970, bucket + 1, 1),
    keptMs: HOUR_MS,
  },
  open: { bucketOf: () => 0, endMs: () => null, keptMs: 0 },
};

export const bucketOf = (window: Window, nowMs: number): number => rules[window].bucketOf(nowMs);

export const bucketEndMs = (window: Window, bucket: number): number | null => rules[window].endMs(bucket);

/**
 * Ended buckets are remembered for this long: a clock may step back into them, and another ledger's may be behind (two
 * clocks that are each 30 s off are a minute apart). To forget one too early would start its window again at zero.
 */
export const ENDED_REMEMBERED_MS = 90 * SECOND_MS;

/** A bucket that lies ahead counts as well: a clock that stepped back must not start a window again at zero. */
export function counts(window: Window, bucket: number, nowMs: number): boolean {
  const endMs = bucketEndMs(window, bucket);
  return endMs === null || nowMs < endMs;
}

/** Many ended seconds are forgotten at once. */
const PURGE_EVERY_MS = MINUTE_MS;

/** When stored buckets are to be purged, of which this is the oldest; null = it never ends. */
export function purgeDueMs(window: Window, oldest: number): number | null {
  const endMs = bucketEndMs(window, oldest);
  return endMs === null ? null : endMs + rules[window].keptMs + PURGE_EVERY_MS;
}

/** The first bucket that must be kept: all before it may be forgotten. */
export function oldestKept(window: Window, nowMs: number): number {
  const isKept = (bucket: number): boolean => {
    const endMs = bucketEndMs(window, bucket);
    return endMs === null || endMs + rules[window].keptMs > nowMs;
  };
  let bucket = bucketOf(window, nowMs);
  while (bucket > 0 && isKept(bucket - 1)) bucket -= 1;
  return bucket;
}
