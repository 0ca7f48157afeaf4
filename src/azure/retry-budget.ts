/**
 * How many further calls to Azure an isolate may make: so many per call, whatever fails. Without it, a bad hour at Azure
 * is answered with a multiple of its calls. Whole numbers, so that no rounding adds up.
 */
import { CALLS_PER_FAILOVER, MAX_FAILOVERS_AT_HAND } from "../kernel/limits.ts";

export interface RetryBudget {
  /** An agent's call has come. */
  earn(): void;
  readonly hasRoom: boolean;
  /** @returns whether one more call may be made. */
  take(): boolean;
}

export function createRetryBudget(): RetryBudget {
  const longest = MAX_FAILOVERS_AT_HAND * CALLS_PER_FAILOVER;
  let saved = longest;
  return {
    earn() {
      if (saved < longest) saved += 1;
    },
    get hasRoom() {
      return saved >= CALLS_PER_FAILOVER;
    },
    take() {
      if (saved < CALLS_PER_FAILOVER) return false;
      saved -= CALLS_PER_FAILOVER;
      return true;
    },
  };
}
