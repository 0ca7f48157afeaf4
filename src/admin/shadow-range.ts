/** Which decisions a question about a policy in shadow is about: those under one version of it, or those of some hours. */
import type { ShadowQuestion } from "../audit/shadow-sums.ts";
import { DAY_MS } from "../kernel/clock.ts";
import { refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { type Timestamp, timestampOf } from "../kernel/timestamp.ts";
import type { ShadowPeriod } from "./policy-history.store.ts";
import type { ShadowQuery } from "./policy-shadow-descriptions.ts";

type Range = Omit<ShadowQuestion, "policyId" | "tenantId">;

const HOUR_MS = 3_600_000;
const USUAL_DAYS = 30;
const MAX_DAYS = 366;
/** Sorts after every hour. */
const END_OF_TIME = "~";

/** Null where neither end is named. */
export function shadowRange({ from, to }: ShadowQuery, nowMs: number): Result<Range | null> {
  if (from === undefined && to === undefined) return ok(null);
  const toMs = Math.ceil((to === undefined ? nowMs : Date.parse(to)) / HOUR_MS) * HOUR_MS;
  const fromMs =
    from === undefined ? toMs - USUAL_DAYS * DAY_MS : Math.floor(Date.parse(from) / HOUR_MS) * HOUR_MS;
  if (fromMs >= toMs) return invalid("`to` must lie after `from`.");
  if (toMs - fromMs > MAX_DAYS * DAY_MS) return invalid(`At most ${MAX_DAYS} days can be asked for at once.`);
  return ok({
    from: hourOf(fromMs),
    to: hourOf(toMs),
    fromRevision: 0,
    toRevision: Number.MAX_SAFE_INTEGER,
  });
}

const invalid = (message: string) => fail(refuse("query_invalid", { field: "to", message }));

/** Revisions tell its decisions exactly; the hours only keep the search short, and clocks differ by less than one. */
export function periodOf(version: ShadowPeriod | null): Range | null {
  if (version === null) return null;
  const { revision, at, next } = version;
  return {
    from: hourOf(Date.parse(at) - HOUR_MS),
    to: next === null ? END_OF_TIME : hourOf(Date.parse(next.at) + 2 * HOUR_MS),
    fromRevision: revision,
    toRevision: next?.revision ?? Number.MAX_SAFE_INTEGER,
  };
}

/** As the tables name it. */
const hourOf = (epochMs: number): string => timestampOf(epochMs).slice(0, 13);

export const startOf = (hour: string): Timestamp => `${hour}:00:00.000Z`;
