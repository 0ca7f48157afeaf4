/** Repeats what no ledger acknowledged: a committed change to an agent takes effect even if its writer died. */
import type { AgentId } from "../kernel/ids.ts";
import type { Result } from "../kernel/result.ts";
import type { Home } from "../residency/home.ts";
import type { StoredAgent } from "./agents.store.ts";
import { type AgentStateDeps, putAgentState } from "./put-agent-state.ts";

const SWEEP_PAGE = 100;
const SWEEP_MAX_PAGES = 10;

export interface Sweep {
  readonly acknowledged: number;
  readonly pending: number;
}

interface SweepDeps extends AgentStateDeps {
  /** Those that have their stores in this deployment. */
  readonly homes: readonly Home[];
}

/** For the scheduled handler. Goes on past agents that fail, so that one ledger never holds up the others. */
export async function sweepUnacknowledgedAgents({ homes, ...deps }: SweepDeps): Promise<Sweep> {
  const sweeps = await Promise.all(homes.map((home) => sweepHome(deps, home)));
  return {
    acknowledged: sweeps.reduce((sum, sweep) => sum + sweep.acknowledged, 0),
    pending: sweeps.reduce((sum, sweep) => sum + sweep.pending, 0),
  };
}

async function sweepHome(deps: AgentStateDeps, home: Home): Promise<Sweep> {
  let after: AgentId | null = null;
  const total = { acknowledged: 0, pending: 0 };
  for (let page = 0; page < SWEEP_MAX_PAGES; page += 1) {
    const agents: Result<readonly StoredAgent[]> = await deps.agents.unacknowledged(home, after, SWEEP_PAGE);
    if (!agents.ok) break;
    const puts = await Promise.all(agents.value.map((stored) => putAgentState(deps, stored)));
    total.acknowledged += puts.filter(Boolean).length;
    total.pending += puts.filter((put) => !put).length;
    after = agents.value.at(-1)?.agent.id ?? null;
    if (agents.value.length < SWEEP_PAGE) break;
  }
  return total;
}
