/**
 * Requests that nobody authenticated are counted per minute and code (guarantee G5): recorded one by one, a flood of
 * bad tokens would become a flood of records. Memory is bounded by the refusal codes there are.
 */
import { type Clock, MINUTE_MS } from "../kernel/clock.ts";
import type { RefusalCode } from "../kernel/refusal.ts";
import { type Timestamp, timestampOf } from "../kernel/timestamp.ts";

export interface MinuteCounts {
  /** The minute's start. */
  readonly minute: Timestamp;
  readonly counts: Readonly<Partial<Record<RefusalCode, number>>>;
}

export interface UnauthenticatedCounts {
  add(code: RefusalCode): void;
  /** The minutes that are over and have counts, each given out once. */
  takeEnded(): readonly MinuteCounts[];
}

export function createUnauthenticatedCounts(clock: Clock): UnauthenticatedCounts {
  let minute = 0;
  let counts: Partial<Record<RefusalCode, number>> = {};
  let ended: MinuteCounts[] = [];

  function turn(): void {
    const current = Math.floor(clock() / MINUTE_MS);
    // A clock that steps back goes on counting into the later minute.
    if (current <= minute) return;
    if (Object.keys(counts).length > 0) ended.push({ minute: timestampOf(minute * MINUTE_MS), counts });
    counts = {};
    minute = current;
  }

  return {
    add(code) {
      turn();
      counts[code] = (counts[code] ?? 0) + 1;
    },
    takeEnded() {
      turn();
      const taken = ended;
      ended = [];
      return taken;
    },
  };
}
