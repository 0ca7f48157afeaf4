/**
 * The health of all backends, as one isolate knows it. Only trouble is kept, so the usual answer, that a backend is well,
 * costs a look at an empty map. A backend whose endpoint was changed is another one.
 */
import { MAX_TROUBLED_BACKENDS } from "../kernel/limits.ts";
import type { Backend } from "./backend.ts";
import { type BackendHealth, HEALTHY, judged, sentTo, type Wait, waitOf } from "./backend-health.ts";
import type { Verdict } from "./backend-verdict.ts";

type Place = Pick<Backend, "id" | "endpoint">;

export interface BackendHealths {
  /** Null = the backend may be called. */
  waitOf(backend: Place, nowMs: number): Wait | null;
  /** @returns whether this call is the probe of an ill backend; to be told again with its verdict. */
  sentTo(backend: Place, nowMs: number): boolean;
  judged(backend: Place, verdict: Verdict, isProbe: boolean, nowMs: number): void;
}

export function createBackendHealths(): BackendHealths {
  const troubled = new Map<string, BackendHealth>();
  const keyOf = ({ id, endpoint }: Place): string => `${id} ${endpoint}`;
  const find = (backend: Place): BackendHealth | undefined =>
    troubled.size === 0 ? undefined : troubled.get(keyOf(backend));

  function keep(backend: Place, health: BackendHealth, nowMs: number): void {
    const key = keyOf(backend);
    troubled.delete(key);
    if (health.failures === 0 && waitOf(health, nowMs) === null) return;
    troubled.set(key, health);
    if (troubled.size <= MAX_TROUBLED_BACKENDS) return;
    const [oldest] = troubled.keys();
    if (oldest !== undefined) troubled.delete(oldest);
  }

  return {
    waitOf(backend, nowMs) {
      const known = find(backend);
      return known === undefined ? null : waitOf(known, nowMs);
    },
    sentTo(backend, nowMs) {
      const known = find(backend);
      if (known === undefined) return false;
      const { health, isProbe } = sentTo(known, nowMs);
      if (isProbe) keep(backend, health, nowMs);
      return isProbe;
    },
    judged(backend, verdict, isProbe, nowMs) {
      const known = find(backend);
      if (known === undefined && verdict.kind === "well") return;
      keep(backend, judged(known ?? HEALTHY, verdict, isProbe, nowMs), nowMs);
    },
  };
}
