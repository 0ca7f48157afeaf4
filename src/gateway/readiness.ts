/**
 * Readiness: which of the stores a decision needs can be reached from here. Each is probed within a short time, all at
 * once, and the answer is kept for some seconds: an endpoint without a key must not multiply requests to the stores.
 */
import type { Clock, StartTimer } from "../kernel/clock.ts";
import { PROBE_MAX_MS, READINESS_KEPT_MS } from "../kernel/limits.ts";
import { withinLimit } from "../kernel/within-limit.ts";

/** Rejects, or never resolves, when the store is ill. */
export type Probe = () => Promise<unknown>;

export interface Readiness {
  readonly isReady: boolean;
  /** `<home>.<store>`; empty while an isolate's first check has not ended. */
  readonly stores: Readonly<Record<string, "ok" | "ill">>;
}

interface ReadinessPorts {
  readonly probes: Readonly<Record<string, Probe>>;
  readonly clock: Clock;
  readonly startTimer: StartTimer;
}

const UNKNOWN: Readiness = { isReady: false, stores: {} };

export function createReadiness({ probes, clock, startTimer }: ReadinessPorts): () => Promise<Readiness> {
  let known = UNKNOWN;
  let checkAgainAtMs = Number.NEGATIVE_INFINITY;
  return async () => {
    if (clock() < checkAgainAtMs) return known;
    // Claimed before the stores are asked, so that whoever comes meanwhile gets what is known. The claim runs out:
    // a check whose request was cut off ends nothing.
    checkAgainAtMs = clock() + READINESS_KEPT_MS;
    known = await check(probes, startTimer);
    return known;
  };
}

async function check(probes: ReadinessPorts["probes"], startTimer: StartTimer): Promise<Readiness> {
  const found = await Promise.all(
    Object.entries(probes).map(
      async ([store, probe]) => [store, (await answers(probe, startTimer)) ? "ok" : "ill"] as const,
    ),
  );
  return { isReady: found.every(([, state]) => state === "ok"), stores: Object.fromEntries(found) };
}

function answers(probe: Probe, startTimer: StartTimer): Promise<boolean> {
  const asked = async () => probe();
  return withinLimit(startTimer, PROBE_MAX_MS, asked()).then(
    () => true,
    () => false,
  );
}
