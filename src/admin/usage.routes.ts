/** `/v1/usage`: what a tenant's calls have used, summed from their records. */
import type { UsageRow } from "../audit/usage-hours.store.ts";
import { type UsageGroup, WHOLE_RANGE } from "../audit/usage-question.ts";
import { usdOfNano } from "../kernel/decimal.ts";
import { DEFAULT_TENANT } from "../kernel/ids.ts";
import { ok } from "../kernel/result.ts";
import { type Timestamp, timestampOf } from "../kernel/timestamp.ts";
import type { ControlPlaneDeps } from "./control-plane-deps.ts";
import { type Operation, operation } from "./operation.ts";
import { tenantOf } from "./tenant-access.ts";
import { addressOf } from "./tenant-address.ts";
import { type UsageSums, usageDescriptions } from "./usage-descriptions.ts";
import { usageRange } from "./usage-range.ts";

export const usageOperations = (deps: ControlPlaneDeps): readonly Operation[] => [
  operation(usageDescriptions.sums, async ({ query, apiKey }) => {
    const { tenant: requested, agent: agentId, endUser, groupBy = [], from, to, ...question } = query;
    const range = usageRange(query.interval, from, to, deps.clock());
    if (!range.ok) return range;
    const tenant = tenantOf(apiKey, requested, DEFAULT_TENANT, "tenant");
    if (!tenant.ok) return tenant;
    const address = await addressOf(deps.tenants, tenant.value, "tenant");
    if (!address.ok) return address;
    const tenantId = tenant.value;
    const { fromMs, toMs } = range.value;
    const page = await deps.usage.sums(address.value.home, {
      ...question,
      tenantId,
      agentId,
      groupBy,
      // Who used something is known by a salted hash alone, so that is what can be looked for.
      endUser: endUser === undefined ? undefined : await deps.hashEndUser(tenantId, endUser),
      from: hourOf(fromMs),
      to: hourOf(toMs),
    });
    if (!page.ok) return page;
    const { items, nextCursor } = page.value;
    const body = {
      tenantId,
      interval: query.interval,
      from: timestampOf(fromMs),
      to: timestampOf(toMs),
      items: items.map((row) => sumsOf(row, groupBy, fromMs)),
      nextCursor,
    };
    return ok({ status: 200, body });
  }),
];

/** As the table names it. */
const hourOf = (epochMs: number): string => timestampOf(epochMs).slice(0, 13);

const START_OF_DAY = "0000-00-00T00:00:00.000Z";
const startOf = (time: string): Timestamp => `${time}${START_OF_DAY.slice(time.length)}`;

function sumsOf(
  { time, agent, deployment, endUser, ...sums }: UsageRow,
  groupBy: readonly UsageGroup[],
  fromMs: number,
): UsageSums {
  const groups = {
    ...(groupBy.includes("agent") && agent !== "" ? { agentId: agent } : {}),
    ...(groupBy.includes("deployment") ? { deployment: deployment || null } : {}),
    ...(groupBy.includes("endUser") ? { endUser: endUser || null } : {}),
  };
  return {
    time: time === WHOLE_RANGE ? timestampOf(fromMs) : startOf(time),
    ...groups,
    ...sums,
    costUsd: usdOfNano(sums.costNanoUsd),
  };
}
