/**
 * A time limit for work that has none of its own. The work itself goes on: what it brings later is not looked at, and
 * its failure is nobody's any more.
 */
import type { StartTimer } from "./clock.ts";

/** Rejects when the work took longer. */
export async function withinLimit<T>(startTimer: StartTimer, maxMs: number, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const stop = startTimer(maxMs, () => late.reject(new Error("A store took too long.")));
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    stop();
  }
}
