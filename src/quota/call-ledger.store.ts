/**
 * One call to a ledger, with a time limit. Repeated at most once, on a new stub, and only where the platform says that
 * this can help and does not add load. Every ledger method tolerates a repeat.
 */
import type { StartTimer } from "../kernel/clock.ts";
import { withinLimit } from "../kernel/within-limit.ts";

export const LEDGER_CALL_MAX_MS = 10_000;

const flagged = (error: unknown, name: "retryable" | "overloaded"): boolean =>
  error instanceof Error && Reflect.get(error, name) === true;

export const isOverloaded = (error: unknown): boolean => flagged(error, "overloaded");

export const startTimer: StartTimer = (ms, fire) => {
  const timer = setTimeout(fire, ms);
  return () => clearTimeout(timer);
};

export const withinTime = <T>(work: Promise<T>, maxMs: number): Promise<T> =>
  withinLimit(startTimer, maxMs, work);

/** @param call makes its own stub, so that a repeat gets a new one. */
export function callLedger(
  call: () => Promise<unknown>,
  maxMs: number,
  timer: StartTimer = startTimer,
): Promise<unknown> {
  const repeated = async (): Promise<unknown> => {
    try {
      return await call();
    } catch (error) {
      if (!flagged(error, "retryable") || isOverloaded(error)) throw error;
      return call();
    }
  };
  return withinLimit(timer, maxMs, repeated());
}
