/** Repeats what no ledger acknowledged: a committed change to an agent takes effect even if its writer died. */
import type { Home } from "../residency/home.ts";
import type { StoredAgent } from "./agents.store.ts";
import { type AgentStateDeps, putAgentState } from "./put-agent-state.ts";
import { type Sweep, sweepPages } from "./sweep-pages.ts";

interface SweepDeps extends AgentStateDeps {
  /** Those that have their stores in this deployment. */
  readonly homes: readonly Home[];
}

/** For the scheduled handler. */
export async function sweepUnacknowledgedAgents({ homes, ...deps }: SweepDeps): Promise<Sweep> {
  const sweeps = await Promise.all(
    homes.map((home) =>
      sweepPages<StoredAgent>(
        (after, limit) => deps.agents.unacknowledged(home, after?.agent.id ?? null, limit),
        (stored) => putAgentState(deps, stored),
      ),
    ),
  );
  return {
    acknowledged: sweeps.reduce((sum, sweep) => sum + sweep.acknowledged, 0),
    pending: sweeps.reduce((sum, sweep) => sum + sweep.pending, 0),
  };
}
