/**
 * Many time limits of one request on one timer of the platform: limits are almost never reached, and setting and
 * clearing a timer for each costs more than the work between. The timer is let run out instead of being cleared. Pure.
 */
import type { Clock, StartTimer } from "./clock.ts";

interface Limit {
  readonly atMs: number;
  readonly fire: () => void;
}

/** The longest the timer sleeps: most requests are over by then, and it finds nothing left to do. */
const LONGEST_SLEEP_MS = 1_000;

export function sharedTimer(startTimer: StartTimer, clock: Clock): StartTimer {
  const limits = new Set<Limit>();
  let wakesAtMs: number | null = null;

  function sleep(nowMs: number): void {
    let nextMs = nowMs + LONGEST_SLEEP_MS;
    for (const { atMs } of limits) nextMs = Math.min(nextMs, atMs);
    if (limits.size === 0 || (wakesAtMs !== null && wakesAtMs <= nextMs)) return;
    wakesAtMs = nextMs;
    startTimer(Math.max(0, nextMs - nowMs), () => wake(nextMs));
  }

  function wake(setForMs: number): void {
    // An earlier one was set meanwhile, and has seen to everything.
    if (wakesAtMs !== setForMs) return;
    wakesAtMs = null;
    const nowMs = clock();
    for (const limit of [...limits]) {
      if (limit.atMs > nowMs) continue;
      limits.delete(limit);
      limit.fire();
    }
    sleep(nowMs);
  }

  return (ms, fire) => {
    const nowMs = clock();
    const limit = { atMs: nowMs + ms, fire };
    limits.add(limit);
    sleep(nowMs);
    return () => limits.delete(limit);
  };
}
