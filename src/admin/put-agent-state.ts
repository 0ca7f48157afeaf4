/**
 * An agent's committed state, put into its own ledger, and what ends with it, into those of others: the step between a
 * committed change and its answer.
 */
import type { AgentLedgers } from "../quota/ledgers.ts";
import type { AgentStore, StoredAgent } from "./agents.store.ts";
import { type EndDelegationDeps, endDelegations } from "./end-delegations.ts";

export interface AgentStateDeps extends EndDelegationDeps {
  readonly agents: AgentStore;
  readonly agentLedgers: Pick<AgentLedgers, "putAgentState" | "revokeTokens">;
}

/** False when a ledger could not be reached. Repeating is harmless: the highest version wins. */
export async function putAgentState(deps: AgentStateDeps, stored: StoredAgent): Promise<boolean> {
  const { agents, agentLedgers } = deps;
  const { agent, home, status } = stored;
  // Whichever change has revoked some, they are told: this may be a repetition that knows no more which one it was.
  if (!(await endDelegations(deps, home, agent))) return false;
  const { id: agentId, tenantId, version } = agent;
  const put = await agentLedgers.putAgentState({ v: 1, home, tenantId, agentId, version, status });
  // An acknowledgement that D1 does not learn of only makes the sweep put the same version again.
  if (put.ok) await agents.acknowledge(stored);
  return put.ok;
}
