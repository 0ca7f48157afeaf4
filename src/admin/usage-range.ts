/** The hours that a question about usage is about: whole hours or days, and no more of them than one answer may sum. */
import type { UsageInterval } from "../audit/usage-question.ts";
import { DAY_MS } from "../kernel/clock.ts";
import { refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import type { Timestamp } from "../kernel/timestamp.ts";

export interface UsageRange {
  readonly fromMs: number;
  readonly toMs: number;
}

const HOUR_MS = 3_600_000;

const rules: Record<UsageInterval, { stepMs: number; usualMs: number; maxDays: number }> = {
  hour: { stepMs: HOUR_MS, usualMs: DAY_MS, maxDays: 31 },
  day: { stepMs: DAY_MS, usualMs: 30 * DAY_MS, maxDays: 366 },
  total: { stepMs: HOUR_MS, usualMs: 30 * DAY_MS, maxDays: 366 },
};

export function usageRange(
  interval: UsageInterval,
  from: Timestamp | undefined,
  to: Timestamp | undefined,
  nowMs: number,
): Result<UsageRange> {
  const { stepMs, usualMs, maxDays } = rules[interval];
  const toMs = Math.ceil((to === undefined ? nowMs : Date.parse(to)) / stepMs) * stepMs;
  const fromMs = from === undefined ? toMs - usualMs : Math.floor(Date.parse(from) / stepMs) * stepMs;
  if (fromMs >= toMs) return invalid("`to` must lie after `from`.");
  if (toMs - fromMs > maxDays * DAY_MS) {
    return invalid(`With the interval \`${interval}\`, at most ${maxDays} days can be asked for at once.`);
  }
  return ok({ fromMs, toMs });
}

const invalid = (message: string) => fail(refuse("query_invalid", { field: "to", message }));
