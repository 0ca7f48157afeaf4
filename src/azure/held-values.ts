/**
 * Values that are obtained by a call and kept in an isolate's memory: tokens, and secrets of Key Vault. A value is renewed
 * early, by a call that goes on with the one it has; where there is none, one call obtains it and the others wait.
 *
 * They do not wait for its promise. What a request of Cloudflare's has begun belongs to that request: another one that
 * awaits it may hang, or fail, when the first one ends. So what is shared are plain values: the value, and a claim
 * that says until when someone is obtaining it. Each waiting call looks by a timer of its own. A claim lasts a
 * little longer than obtaining may take, so there is one attempt at a time in an isolate, and a claim that nobody lives to
 * settle runs out.
 */
import type { Clock, StartTimer } from "../kernel/clock.ts";
import {
  CREDENTIAL_AGAIN_MS,
  CREDENTIAL_CLAIM_MARGIN_MS,
  CREDENTIAL_DROP_AGE_MS,
  CREDENTIAL_POLL_MS,
} from "../kernel/limits.ts";
import { fail, ok, type Result } from "../kernel/result.ts";

export interface Obtained<T> {
  readonly value: T;
  /** Both from before it was asked for. */
  readonly renewAfterMs: number;
  readonly usableMs: number;
}

/** Must end when the signal does. Fails with a word about why, which may be logged. */
export type Obtain<T> = (signal: AbortSignal) => Promise<Result<Obtained<T>, string>>;

export interface HeldValues<T> {
  get(key: string, obtain: Obtain<T>): Promise<Result<T, string>>;
  /** It was not taken: dropped if it is still the one that is held, and not so young that its age cannot be why. */
  refused(key: string, value: T): void;
}

interface HeldValuesOptions {
  readonly clock: Clock;
  readonly startTimer: StartTimer;
  /** Keeps alive what is obtained when the call that obtains it has been answered. */
  readonly background: (work: Promise<unknown>) => void;
  /** How long obtaining may take. */
  readonly maxMs: number;
  readonly maxHeld: number;
  readonly onFailure: (key: string, reason: string) => void;
}

interface Held<T> {
  current: { value: T; obtainedAtMs: number; renewAtMs: number; endsAtMs: number } | null;
  claimedAtMs: number | null;
  failure: { atMs: number; reason: string } | null;
}

export function createHeldValues<T>(options: HeldValuesOptions): HeldValues<T> {
  const { clock, startTimer, background, maxMs, maxHeld, onFailure } = options;
  const all = new Map<string, Held<T>>();

  function heldAs(key: string): Held<T> {
    const known = all.get(key);
    if (known) return known;
    const [oldest] = all.keys();
    if (all.size >= maxHeld && oldest !== undefined) all.delete(oldest);
    const made: Held<T> = { current: null, claimedAtMs: null, failure: null };
    all.set(key, made);
    return made;
  }

  const isClaimed = ({ claimedAtMs }: Held<T>, nowMs: number) =>
    isWithin(claimedAtMs, maxMs + CREDENTIAL_CLAIM_MARGIN_MS, nowMs);
  const failureIn = ({ failure }: Held<T>, nowMs: number) =>
    failure !== null && isWithin(failure.atMs, CREDENTIAL_AGAIN_MS, nowMs) ? failure.reason : null;

  async function obtained(obtain: Obtain<T>): Promise<Result<Obtained<T>, string>> {
    const controller = new AbortController();
    const stop = startTimer(maxMs, () => controller.abort());
    try {
      return await obtain(controller.signal);
    } catch {
      // What fetch throws names hosts.
      return fail(controller.signal.aborted ? "no answer in time" : "not reachable");
    } finally {
      stop();
    }
  }

  async function renew(key: string, held: Held<T>, obtain: Obtain<T>): Promise<Result<T, string>> {
    const atMs = clock();
    held.claimedAtMs = atMs;
    const result = await obtained(obtain);
    if (result.ok) {
      const { value, renewAfterMs, usableMs } = result.value;
      held.current = { value, obtainedAtMs: atMs, renewAtMs: atMs + renewAfterMs, endsAtMs: atMs + usableMs };
      held.failure = null;
    } else {
      held.failure = { atMs: clock(), reason: result.error };
      onFailure(key, result.error);
    }
    // A later claim, made after this one had run out, is its maker's to settle.
    if (held.claimedAtMs === atMs) held.claimedAtMs = null;
    return result.ok ? ok(result.value.value) : result;
  }

  return {
    async get(key, obtain) {
      const held = heldAs(key);
      for (;;) {
        const nowMs = clock();
        const isFree = !isClaimed(held, nowMs);
        const reason = failureIn(held, nowMs);
        const { current } = held;
        if (current !== null && nowMs < current.endsAtMs) {
          if (nowMs >= current.renewAtMs && isFree && reason === null) background(renew(key, held, obtain));
          return ok(current.value);
        }
        if (reason !== null) return fail(reason);
        if (isFree) {
          const work = renew(key, held, obtain);
          // It serves the next calls too, so a caller who leaves does not end it.
          background(work);
          return work;
        }
        await new Promise<void>((resolve) => startTimer(CREDENTIAL_POLL_MS, resolve));
      }
    },

    refused(key, value) {
      const held = all.get(key);
      if (held?.current?.value !== value) return;
      if (clock() - held.current.obtainedAtMs >= CREDENTIAL_DROP_AGE_MS) held.current = null;
    },
  };
}

/** A clock that was set back makes nothing last longer. */
const isWithin = (sinceMs: number | null, lengthMs: number, nowMs: number): boolean =>
  sinceMs !== null && nowMs >= sinceMs && nowMs < sinceMs + lengthMs;
