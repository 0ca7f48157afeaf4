/**
 * Limits as the counters they charge: a table from each limit key to its meter and window, and the claims that one set
 * of limits makes of one ask.
 */
import { scaledDecimal } from "../kernel/decimal.ts";
import { refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import type { LimitClaim, Meter, QuotaScope, Window } from "../quota/limit-claim.ts";
import type { Ask } from "./decision.ts";
import type { TenantLimits } from "./tenant.ts";
import { smallest } from "./token-bounds.ts";

export type LimitKey = keyof TenantLimits;

interface LimitRow {
  readonly key: LimitKey;
  readonly meter: Meter;
  readonly window: Window;
}

const table = {
  maxRequestsPerMinute: { meter: "requests", window: "minute" },
  maxRequestsPerDay: { meter: "requests", window: "day" },
  maxTokensPerMinute: { meter: "tokens", window: "minute" },
  maxTokensPerDay: { meter: "tokens", window: "day" },
  maxCostPerDay: { meter: "cost", window: "day" },
  maxCostPerMonth: { meter: "cost", window: "month" },
  maxConcurrentRequests: { meter: "concurrent", window: "open" },
} as const satisfies Record<LimitKey, Omit<LimitRow, "key">>;

// Object.keys loses the key type.
const rows: readonly LimitRow[] = (Object.keys(table) as LimitKey[]).map((key) => ({ key, ...table[key] }));

export const limitKeys: readonly LimitKey[] = rows.map(({ key }) => key);

export const hasLimit = (limits: TenantLimits): boolean => limitKeys.some((key) => limits[key] !== undefined);

/** One limit in its meter's own unit. */
type Counted = Pick<LimitClaim, "meter" | "window" | "limit">;

/** One set of limits that bind together, with the owner whose counters they name. */
export interface LimitSet {
  readonly owner: string;
  readonly scope: QuotaScope;
  readonly limits: readonly Counted[];
  /** Of any window; null = none. */
  readonly leastTokens: number | null;
  readonly leastCost: number | null;
}

const NANO_DIGITS = 9;

/** In the meter's own unit. */
function amountOf({ key, meter }: LimitRow, limits: TenantLimits): number | undefined {
  const limit = limits[key];
  return meter === "cost" && limit !== undefined ? scaledDecimal(limit, NANO_DIGITS, "down") : limit;
}

/** Of one counter, in the meter's own unit; null = none. */
export function limitOn(
  limits: TenantLimits,
  { meter, window }: Pick<LimitClaim, "meter" | "window">,
): number | null {
  const row = rows.find((one) => one.meter === meter && one.window === window);
  return (row && amountOf(row, limits)) ?? null;
}

export function limitSet(owner: string, scope: QuotaScope, given: TenantLimits): LimitSet {
  const limits: Counted[] = [];
  for (const row of rows) {
    const limit = amountOf(row, given);
    if (limit !== undefined) limits.push({ meter: row.meter, window: row.window, limit });
  }
  const least = (meter: Meter) =>
    smallest(limits.map((counted) => (counted.meter === meter ? counted.limit : undefined)));
  return { owner, scope, limits, leastTokens: least("tokens"), leastCost: least("cost") };
}

/** @param amounts what the ask reserves of each meter. */
export function addClaims(
  claims: LimitClaim[],
  { owner, scope, limits }: LimitSet,
  subject: string | null,
  amounts: Readonly<Record<Meter, number>>,
): void {
  for (const { meter, window, limit } of limits)
    claims.push({ owner, scope, subject, meter, window, limit, amount: amounts[meter] });
}

/** Whom a set of limits counts; a fact that is missing refuses, or all who withhold it would share no counter at all. */
export function subjectOf(
  { scope, limits }: LimitSet,
  { endUser, clientAddress }: Pick<Ask, "endUser" | "clientAddress">,
): Result<string | null> {
  if (scope === "agent" || scope === "tenant" || limits.length === 0) return ok(null);
  const [code, subject, missing] =
    scope === "user"
      ? (["end_user_required", endUser, "end user"] as const)
      : (["indeterminate", clientAddress, "client address"] as const);
  return subject === null
    ? fail(refuse(code, { evidence: { constraint: "quotaScope", missing } }))
    : ok(subject);
}
