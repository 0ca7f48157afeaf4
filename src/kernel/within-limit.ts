/**
 * A time limit for work that has none of its own. The work itself goes on: what it brings later is not looked at, and
 * its failure is nobody's any more.
 */
import type { StartTimer } from "./clock.ts";

/** Rejects when the work took longer. By hand: a race and its `finally` make four promises more, several times a call. */
export function withinLimit<T>(startTimer: StartTimer, maxMs: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = startTimer(maxMs, () => reject(new Error("A store took too long.")));
    work.then(
      (value) => {
        stop();
        resolve(value);
      },
      (error: unknown) => {
        stop();
        reject(error);
      },
    );
  });
}
