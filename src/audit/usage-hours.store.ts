/**
 * Usage as the records tell it, by hour or day and by whatever is asked for: read from `usage_hours`, which a trigger
 * keeps (migrations/home/0002_count_usage.sql). Hours are summed on the way, from one range of an index.
 */
import * as z from "zod";
import { AgentId } from "../kernel/ids.ts";
import { decodeSortKey, type ListPage, pageOf } from "../kernel/list-page.ts";
import { refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import type { Home } from "../residency/home.ts";
import { UsageGroup, type UsageInterval, type UsageQuestion, WHOLE_RANGE } from "./usage-question.ts";

const sum = z.int();
export const UsageRow = z.object({
  /** `2026-01-31T08`, `2026-01-31`, or that of the whole range. */
  time: z.string(),
  /** Empty where it is not grouped by, or none. */
  agent: z.union([AgentId, z.literal("")]),
  deployment: z.string(),
  endUser: z.string(),
  requests: sum,
  promptTokens: sum,
  cachedPromptTokens: sum,
  completionTokens: sum,
  totalTokens: sum,
  costNanoUsd: sum,
  unpricedRequests: sum,
});
export type UsageRow = z.infer<typeof UsageRow>;

export interface UsageHours {
  /** Oldest first. */
  sums(home: Home, question: UsageQuestion): Promise<Result<ListPage<UsageRow>>>;
}

const timeOf: Record<UsageInterval, string> = {
  hour: "hour",
  day: "substr(hour, 1, 10)",
  total: `'${WHOLE_RANGE}'`,
};
const columnOf: Record<UsageGroup, string> = {
  agent: "agent_id",
  deployment: "deployment",
  endUser: "end_user",
};

type Filters = Pick<UsageQuestion, "agentId" | "deployment" | "endUser">;
type Shape = Pick<UsageQuestion, "interval" | "groupBy"> & Filters;

const filtersOf = ({ agentId, deployment, endUser }: Filters) =>
  [
    { column: columnOf.agent, value: agentId },
    { column: columnOf.deployment, value: deployment },
    { column: columnOf.endUser, value: endUser },
  ].filter(({ value }) => value !== undefined);

/** A page starts where the one before has ended, by one comparison of the columns it is grouped and ordered by. */
export function usageStatement({ interval, groupBy, ...given }: Shape): string {
  const grouped = UsageGroup.options.map((group) => (groupBy.includes(group) ? columnOf[group] : "''"));
  const key = [timeOf[interval], ...grouped];
  const index = given.agentId === undefined ? "" : " INDEXED BY usage_by_agent";
  const filters = filtersOf(given).map(({ column }, position) => ` AND ${column} = ?${position + 9}`);
  return `SELECT ${key[0]} AS time, ${key[1]} AS agent, ${key[2]} AS deployment, ${key[3]} AS endUser,
      sum(requests) AS requests, sum(prompt_tokens) AS promptTokens, sum(cached_prompt_tokens) AS cachedPromptTokens,
      sum(completion_tokens) AS completionTokens, sum(total_tokens) AS totalTokens, sum(cost_nano_usd) AS costNanoUsd,
      sum(unpriced_requests) AS unpricedRequests
    FROM usage_hours${index}
    WHERE tenant_id = ?1 AND hour >= ?2 AND hour < ?3 AND (${key.join(", ")}) > (?4, ?5, ?6, ?7)${filters.join("")}
    GROUP BY 1, 2, 3, 4 HAVING sum(requests) <> 0 OR sum(total_tokens) <> 0 OR sum(cost_nano_usd) <> 0
    ORDER BY 1, 2, 3, 4 LIMIT ?8`;
}

const Cursor = z.tuple([z.string(), z.string(), z.string(), z.string()]);
type Cursor = z.infer<typeof Cursor>;
const START: Cursor = ["", "", "", ""];

export function createUsageHours({ dbOf }: { readonly dbOf: (home: Home) => D1Database }): UsageHours {
  return {
    async sums(home, question) {
      const after = question.cursor === undefined ? ok(START) : decodeSortKey(question.cursor, Cursor);
      if (!after.ok) return after;
      const { tenantId, from, to, limit } = question;
      const start = after.value[0] > from ? after.value[0] : from;
      const values = [tenantId, start, to, ...after.value, limit + 1];
      const filters = filtersOf(question).map(({ value }) => value);
      try {
        const { results } = await dbOf(home)
          .prepare(usageStatement(question))
          .bind(...values, ...filters)
          .all();
        const rows = results.map((row) => UsageRow.parse(row));
        return ok(
          pageOf(rows, limit, (row) => JSON.stringify([row.time, row.agent, row.deployment, row.endUser])),
        );
      } catch {
        return fail(refuse("store_unavailable"));
      }
    },
  };
}
