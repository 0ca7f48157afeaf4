/**
 * Where a request's time went, as the `Server-Timing` header tells it. A Worker's clock stands still between I/O, so
 * what is measured is I/O: a stage without any reads 0. A stage that is repeated, such as a reload, adds up.
 */
import type { Clock } from "../kernel/clock.ts";

export type TimedStage = "authenticate" | "snapshot" | "reserve" | "upstream";

export interface ServerTiming {
  measure<T>(stage: TimedStage, work: () => Promise<T>): Promise<T>;
  /** The stages so far, in the order they first ended, and the time since the request was received. */
  header(): string;
}

/** @param clock read at once: this is when the request was received. */
export function createServerTiming(clock: Clock): ServerTiming {
  const receivedAtMs = clock();
  const tookMs = new Map<TimedStage, number>();
  const since = (startMs: number): number => Math.max(0, clock() - startMs);
  const metric = (name: string, ms: number): string => `${name};dur=${ms}`;
  return {
    async measure(stage, work) {
      const startMs = clock();
      try {
        return await work();
      } finally {
        tookMs.set(stage, (tookMs.get(stage) ?? 0) + since(startMs));
      }
    },
    header: () =>
      [...tookMs, ["total", since(receivedAtMs)] as const].map(([name, ms]) => metric(name, ms)).join(", "),
  };
}
