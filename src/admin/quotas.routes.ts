/** `/v1/quotas`: the live counters of an agent's ledger, with what they belong to. */
import { decodeCursor, encodeCursor } from "../kernel/list-page.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import type { CounterState } from "../quota/state-contracts.ts";
import { findAgent } from "./agents.routes.ts";
import type { StoredAgent } from "./agents.store.ts";
import type { ControlPlaneDeps } from "./control-plane-deps.ts";
import { type Operation, operation } from "./operation.ts";
import { quotaCounter } from "./quota-counter.ts";
import { notFound } from "./tenant-access.ts";
import { quotaDescriptions } from "./usage-descriptions.ts";

export const quotaOperations = (deps: ControlPlaneDeps): readonly Operation[] => [
  operation(quotaDescriptions.get, async ({ query: { cursor, limit }, param, apiKey }) => {
    const after = cursor === undefined ? ok("") : decodeCursor(cursor);
    if (!after.ok) return after;
    const found = await findAgent(deps, param("agentId"), apiKey);
    if (!found.ok) return found;
    const { agent } = found.value;
    const address = { ...found.value, tenantId: agent.tenantId, agentId: agent.id };
    const state = await deps.readings.state(address, { after: after.value, limit });
    if (!state.ok) return state;
    const { counters, more, revisions, ...ledger } = state.value;
    // The ledger names the revisions that count now, so limits are never older than its counters.
    const snapshot = await deps.snapshots.load(address, revisions);
    if (!snapshot.ok) return snapshot.error.code === "tenant_unknown" ? fail(notFound("agent")) : snapshot;
    const totals = await totalsOf(deps, found.value, counters);
    if (!totals.ok) return totals;
    const items = counters.flatMap((counter) => {
      const item = quotaCounter(counter, totals.value.get(counter.counter) ?? 0, snapshot.value);
      return item === null ? [] : [item];
    });
    const last = counters.at(-1);
    const nextCursor = more && last !== undefined ? encodeCursor(last.counter) : null;
    const body = { agentId: agent.id, tenantId: agent.tenantId, ...ledger, items, nextCursor };
    return ok({ status: 200, body });
  }),
];

/** Of tenant-wide counters, by name, asked in one call. */
async function totalsOf(
  { readings }: Pick<ControlPlaneDeps, "readings">,
  { home, agent }: StoredAgent,
  counters: readonly CounterState[],
): Promise<Result<ReadonlyMap<string, number>>> {
  const names = counters.filter(({ held }) => held !== null).map(({ counter }) => counter);
  if (names.length === 0) return ok(new Map());
  const totals = await readings.totals({ scope: agent.tenantId, home }, names);
  if (!totals.ok) return totals;
  return ok(new Map(names.map((name, index) => [name, totals.value.used[index] ?? 0])));
}
