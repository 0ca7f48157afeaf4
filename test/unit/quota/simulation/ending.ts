/** What must hold once all is quiet: G2, and that every budget can be used. */

import type { CounterRow } from "../../../../src/quota/counter-book.ts";
import { counterName } from "../../../../src/quota/limit-claim.ts";
import type { HoldRow } from "../../../../src/quota/tenant-holds.ts";
import { counts } from "../../../../src/quota/windows.ts";
import { call } from "./caller.ts";
import type { limitsOf } from "./limits.ts";
import type { SimulatedAgent, World } from "./world.ts";

export function checkEnd(world: World): void {
  const { truth, tenants, platform, agents } = world;
  for (const { state, agent, reservationId } of truth.calls.values()) {
    if (state === "open") truth.wrong(`G2: ${agent} ${reservationId} is open at the end`);
  }
  for (const { node, scope } of [platform, ...tenants]) {
    if (node.wake().revisions().prepared !== null)
      truth.wrong(`${scope}: a prepared revision was never resolved`);
    if (node.disk.values("permits").length > 0) truth.wrong(`G2: ${scope} still counts calls as under way`);
  }
  for (const agent of agents) checkAgent(world, agent);
}

function checkAgent({ truth }: World, { node, address, tenant }: SimulatedAgent): void {
  const { agentId } = address;
  if (node.disk.values("open").length > 0) truth.wrong(`G2: ${agentId} has open reservations`);
  if (node.disk.values("outbox").length > 0) truth.wrong(`${agentId} has not sent all of its outbox`);
  const rows = node.disk.values("counters") as CounterRow[];
  const nowMs = node.clock.read();
  for (const { counter, window, bucket, used, ahead } of rows) {
    if (!counts(window, bucket, nowMs)) continue;
    if (ahead > 0) truth.wrong(`G2: ${counter} is charged ahead at the end`);
    const isTenantWide = counter.split("/")[1] === "tenant";
    const owner = isTenantWide ? tenant.scope : agentId;
    const { known, lost } = truth.used(owner, counter, agentId, isTenantWide ? null : bucket);
    const forfeited = truth.forfeits
      .filter((forfeit) => forfeit.agent === agentId && forfeit.counter === counter)
      .reduce((sum, { amount }) => sum + amount, 0);
    if (!isTenantWide && used < known)
      truth.wrong(`G2: ${agentId} ${counter} counts ${used} of ${known} used`);
    if (used > known + forfeited) {
      truth.wrong(
        `G2: ${agentId} ${counter} counts ${used}, used ${known}, forfeited ${forfeited}, lost ${lost}`,
      );
    }
    if (!isTenantWide) continue;
    const hold = tenant.node.disk.get("holds", `${counter}#${bucket}#${agentId}`) as HoldRow | undefined;
    if ((hold?.held ?? 0) < used)
      truth.wrong(`G1: the tenant counts less of ${counter} than ${agentId} used`);
  }
  for (const { counter, window, bucket, holder, held } of tenant.node.disk.values("holds") as HoldRow[]) {
    if (holder !== agentId || !counts(window, bucket, tenant.node.clock.read())) continue;
    const row = node.disk.get("counters", `${counter}#${bucket}`) as CounterRow | undefined;
    if (held > (row?.used ?? 0))
      truth.wrong(`leak: ${agentId} holds ${held} of ${counter}, used ${row?.used ?? 0}`);
  }
}

/** An agent alone can use all that is left of a tenant-wide budget, and not one token more. */
export async function checkUsable(world: World, limits: ReturnType<typeof limitsOf>): Promise<void> {
  const { scheduler, network, chance, truth, platform } = world;
  const [agent] = world.agents;
  if (agent === undefined || truth.violations.length > 0) return;
  const limit = limits.find(({ scope, window }) => scope === "tenant" && window === "day");
  if (limit === undefined) return;
  const { node, tenant, address } = agent;
  const claim = { ...limit, subject: null, amount: 0 };
  const used = () => tenant.node.wake().holds.used(counterName(claim), tenant.node.clock.read());
  const ask = async (amount: number) => {
    const deps = { scheduler, network, chance, deaths: () => 1, ledger: node, tenant: tenant.database };
    const candidate = { claims: [{ ...claim, amount }], reservedTokens: amount, reservedCostNanoUsd: null };
    let end: string | undefined;
    void call(
      { ...deps, platform: platform.database, agent: address, decides: world.decides },
      [candidate],
      1,
      true,
    ).then((known) => {
      end = known;
    });
    await scheduler.runUntil(scheduler.nowMs + 10_000);
    return end;
  };
  for (let asks = 0; asks < 4; asks += 1) {
    const left = Math.max(0, claim.limit - used());
    if (left === 0) break;
    const amount = asks < 2 ? Math.ceil(left / 3) : left;
    const end = await ask(amount);
    if (end !== "allowed") truth.wrong(`${amount} of ${left} left in ${counterName(claim)}: ${end}`);
  }
  if (used() !== claim.limit && truth.violations.length === 0 && used() < claim.limit) {
    truth.wrong(`${used()} of ${claim.limit} could be used`);
  }
  if ((await ask(1)) !== "refused") truth.wrong("one more than the limit was not refused");
}
