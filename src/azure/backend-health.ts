/**
 * The health of one backend, as one isolate knows it: a circuit breaker, and the pause that the backend asked for. Ill
 * after some failures in a row, it is left alone for a while; then one call at a time tries it, and a failure of that one
 * doubles the while. A pure reducer.
 */
import {
  ILL_AFTER_FAILURES,
  ILL_FIRST_MS,
  ILL_LONGEST_MS,
  MAX_RETRY_AFTER_SECONDS,
  UPSTREAM_HEADERS_MAX_MS,
} from "../kernel/limits.ts";
import type { Verdict } from "./backend-verdict.ts";

export interface BackendHealth {
  /** In a row. */
  readonly failures: number;
  /** How long it is left alone when ill; 0 = it is not. */
  readonly illMs: number;
  readonly illUntilMs: number;
  /** Until when a probe keeps others away, should nothing be heard of it. */
  readonly probeUntilMs: number;
  /** The pause it asked for. */
  readonly busyUntilMs: number;
}

/** Why and for how long a backend is not to be called. */
export interface Wait {
  readonly because: "busy" | "ill";
  readonly ms: number;
}

export const HEALTHY: BackendHealth = {
  failures: 0,
  illMs: 0,
  illUntilMs: 0,
  probeUntilMs: 0,
  busyUntilMs: 0,
};

/** A clock that stepped back must not make a short wait a long one: what is longer than any wait is none. */
function leftMs(untilMs: number, nowMs: number, longestMs: number): number {
  const ms = untilMs - nowMs;
  return ms > 0 && ms <= longestMs ? ms : 0;
}

/** Null = it may be called. */
export function waitOf(health: BackendHealth, nowMs: number): Wait | null {
  const busyMs = leftMs(health.busyUntilMs, nowMs, MAX_RETRY_AFTER_SECONDS * 1_000);
  const illMs = illLeftMs(health, nowMs);
  if (illMs > 0) return { because: "ill", ms: Math.max(illMs, busyMs) };
  return busyMs > 0 ? { because: "busy", ms: busyMs } : null;
}

function illLeftMs(health: BackendHealth, nowMs: number): number {
  if (health.illMs === 0) return 0;
  const restMs = leftMs(health.illUntilMs, nowMs, ILL_LONGEST_MS);
  if (restMs > 0) return restMs;
  // Nobody knows when the probe ends.
  return leftMs(health.probeUntilMs, nowMs, UPSTREAM_HEADERS_MAX_MS) > 0 ? ILL_FIRST_MS : 0;
}

/** A call is sent. To an ill backend that is a probe, which keeps others away until it is judged. */
export const sentTo = (
  health: BackendHealth,
  nowMs: number,
): { readonly health: BackendHealth; readonly isProbe: boolean } =>
  health.illMs === 0
    ? { health, isProbe: false }
    : { health: { ...health, probeUntilMs: nowMs + UPSTREAM_HEADERS_MAX_MS }, isProbe: true };

export function judged(
  health: BackendHealth,
  verdict: Verdict,
  isProbe: boolean,
  nowMs: number,
): BackendHealth {
  const after = isProbe ? { ...health, probeUntilMs: 0 } : health;
  switch (verdict.kind) {
    case "unknown":
      return after;
    case "well":
      return { ...HEALTHY, busyUntilMs: health.busyUntilMs };
    case "busy":
      // It answers, so it is not ill; what it asked for before may last longer.
      return { ...HEALTHY, busyUntilMs: later(health.busyUntilMs, nowMs, verdict.pauseMs) };
    case "ill":
      return failed(
        { ...after, busyUntilMs: later(health.busyUntilMs, nowMs, verdict.pauseMs) },
        isProbe,
        nowMs,
      );
  }
}

const later = (untilMs: number, nowMs: number, pauseMs: number): number =>
  pauseMs === 0 ? untilMs : Math.max(untilMs, nowMs + pauseMs);

function failed(health: BackendHealth, isProbe: boolean, nowMs: number): BackendHealth {
  const failures = health.failures + 1;
  // What was sent before it was known to be ill, and fails now, is no news.
  if (health.illMs > 0 && !isProbe) return { ...health, failures };
  if (failures < ILL_AFTER_FAILURES) return { ...health, failures };
  const illMs = health.illMs === 0 ? ILL_FIRST_MS : Math.min(health.illMs * 2, ILL_LONGEST_MS);
  return { ...health, failures, illMs, illUntilMs: nowMs + illMs };
}
