/** What one attempt tells of its backend's health. */
import { BUSY_DEFAULT_MS, MAX_RETRY_AFTER_SECONDS } from "../kernel/limits.ts";
import { isUnbilledFailure } from "./billing.ts";

/** `pauseMs`: how long the backend asked to be left alone. */
export type Verdict =
  | { readonly kind: "well" }
  /** At its limit, which is no illness. */
  | { readonly kind: "busy"; readonly pauseMs: number }
  | { readonly kind: "ill"; readonly pauseMs: number }
  /** Nothing was learned: the gateway or the caller ended the attempt. */
  | { readonly kind: "unknown" };

export const WELL: Verdict = { kind: "well" };
export const UNKNOWN: Verdict = { kind: "unknown" };
/** No answer at all. */
export const UNANSWERED: Verdict = { kind: "ill", pauseMs: 0 };

export function verdictOf({ status, headers }: Pick<Response, "status" | "headers">, nowMs: number): Verdict {
  // A backend that refuses a bad request is as well as one that answers a good one.
  if (!isUnbilledFailure(status)) return WELL;
  const pauseMs = askedPauseMs(headers, nowMs);
  return status === 429
    ? { kind: "busy", pauseMs: pauseMs ?? BUSY_DEFAULT_MS }
    : { kind: "ill", pauseMs: pauseMs ?? 0 };
}

const MAX_PAUSE_MS = MAX_RETRY_AFTER_SECONDS * 1_000;

/** Azure sends both headers, or neither; it has been seen to say a day. Null = it does not say. */
function askedPauseMs(headers: Headers, nowMs: number): number | null {
  const askedMs =
    numberOf(headers.get("retry-after-ms")) ??
    secondsOf(headers.get("retry-after")) ??
    untilDate(headers.get("retry-after"), nowMs);
  return askedMs === null ? null : Math.min(Math.max(0, askedMs), MAX_PAUSE_MS);
}

const numberOf = (text: string | null): number | null =>
  text !== null && /^\s*\d+(?:\.\d+)?\s*$/.test(text) ? Number(text) : null;

function secondsOf(text: string | null): number | null {
  const seconds = numberOf(text);
  return seconds === null ? null : seconds * 1_000;
}

/** `retry-after` may also be a date (RFC 9110, section 10.2.3). */
function untilDate(text: string | null, nowMs: number): number | null {
  // An HTTP date ends so; `Date.parse` alone reads a date into almost anything.
  const atMs = text?.endsWith("GMT") ? Date.parse(text) : Number.NaN;
  return Number.isNaN(atMs) ? null : atMs - nowMs;
}
