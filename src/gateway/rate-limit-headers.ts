/**
 * What callers are told of their limits: Azure's `x-ratelimit-*` of the tightest limit on requests and on tokens, and
 * all limits in `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10, structured fields of
 * RFC 9651). A limit is named by scope, meter and window, never by who owns it. Pure.
 */
import { DAY_MS, MINUTE_MS, SECOND_MS } from "../kernel/clock.ts";
import type { LimitState } from "../quota/contracts.ts";
import type { Meter, Window } from "../quota/limit-claim.ts";
import { inItsUnit, shareLeft } from "../quota/told-limit.ts";
import type { Judgement, LimitsAt } from "./question.ts";

/** Money has no header of Azure's, and calls under way have no rate. */
const azureMeters = ["requests", "tokens"] as const satisfies readonly Meter[];
const azureNames = (meter: (typeof azureMeters)[number]) =>
  ({
    limit: `x-ratelimit-limit-${meter}`,
    remaining: `x-ratelimit-remaining-${meter}`,
    reset: `x-ratelimit-reset-${meter}`,
  }) as const;

/** @param nowMs stands in for the ledger's clock, should a ledger not have told it. */
export function limitsOf(judged: Judgement, nowMs: number): LimitsAt | null {
  if (judged.kind === "refused") return judged.bound;
  const { limits, atMs, replayed } = judged.reserved;
  // A replay reads no counter: what it carries was true when the first call was charged.
  return replayed ? null : { limits, atMs: atMs ?? nowMs };
}

/**
 * Azure's own `x-ratelimit-*` tell of capacity that all callers of a backend share: where the gateway has a limit of
 * that meter, all three of Azure's give way to it.
 */
export function setRateLimits(headers: Headers, known: LimitsAt | null): void {
  if (known === null || known.limits.length === 0) return;
  const { limits, atMs } = known;
  for (const meter of azureMeters) {
    const tightest = tightestOf(limits.filter((limit) => limit.meter === meter));
    if (tightest === null) continue;
    const { limit, remaining, reset } = azureNames(meter);
    const seconds = resetSeconds(tightest, atMs);
    headers.set(limit, String(tightest.limit));
    headers.set(remaining, String(tightest.left));
    if (seconds === null) headers.delete(reset);
    else headers.set(reset, String(seconds));
  }
  const named = [...Map.groupBy(limits, nameOf)].flatMap(([name, alike]) => {
    const tightest = tightestOf(alike);
    return tightest === null ? [] : [{ name, tightest, ...inItsUnit(tightest) }];
  });
  headers.set(
    "ratelimit-policy",
    named
      .map(({ name, tightest, unit, limit }) =>
        item(name, { q: limit, w: windowSeconds[tightest.window](atMs) }, `;qu="${unit}"`),
      )
      .join(", "),
  );
  headers.set(
    "ratelimit",
    named
      .map(({ name, tightest, left }) => item(name, { r: left, t: resetSeconds(tightest, atMs) }))
      .join(", "),
  );
}

const nameOf = ({ scope, meter, window }: LimitState): string => `${scope}-${meter}-${window}`;

/** RFC 9651, section 3.3.1. */
const MAX_STRUCTURED_INTEGER = 999_999_999_999_999;

/** A string with integer parameters; a parameter that is not known is left out. */
function item(name: string, parameters: Readonly<Record<string, number | null>>, more = ""): string {
  const written = Object.entries(parameters).flatMap(([key, value]) =>
    value === null ? [] : [`;${key}=${Math.min(value, MAX_STRUCTURED_INTEGER)}`],
  );
  return `"${name}"${written.join("")}${more}`;
}

/** Rounded up: who comes back then does not come early. */
const resetSeconds = ({ resetsAtMs }: LimitState, atMs: number): number | null =>
  resetsAtMs === null ? null : Math.max(0, Math.ceil((resetsAtMs - atMs) / SECOND_MS));

const windowSeconds: Record<Window, (atMs: number) => number | null> = {
  minute: () => MINUTE_MS / SECOND_MS,
  day: () => DAY_MS / SECOND_MS,
  month(atMs) {
    const date = new Date(atMs);
    const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()];
    return (Date.UTC(year, month + 1, 1) - Date.UTC(year, month, 1)) / SECOND_MS;
  },
  open: () => null,
};

const windowOrder: readonly Window[] = ["open", "minute", "day", "month"];

/** The smallest share left; of equal shares the shorter window, then the fewer left, then the later reset. */
const tightestOf = (limits: readonly LimitState[]): LimitState | null =>
  limits.toSorted(
    (one, other) =>
      shareLeft(one) - shareLeft(other) ||
      windowOrder.indexOf(one.window) - windowOrder.indexOf(other.window) ||
      one.left - other.left ||
      (other.resetsAtMs ?? Number.MAX_SAFE_INTEGER) - (one.resetsAtMs ?? Number.MAX_SAFE_INTEGER),
  )[0] ?? null;
