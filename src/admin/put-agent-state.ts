/** An agent's committed state, put into its own ledger: the step between a committed change and its answer. */
import type { AgentLedgers } from "../quota/ledgers.ts";
import type { AgentStore, StoredAgent } from "./agents.store.ts";

export interface AgentStateDeps {
  readonly agents: AgentStore;
  readonly agentLedgers: Pick<AgentLedgers, "putAgentState">;
}

/** False when the ledger could not be reached. Repeating is harmless: the highest version wins. */
export async function putAgentState(
  { agents, agentLedgers }: AgentStateDeps,
  stored: StoredAgent,
): Promise<boolean> {
  const { agent, home, status } = stored;
  const { id: agentId, tenantId, version } = agent;
  const put = await agentLedgers.putAgentState({ v: 1, home, tenantId, agentId, version, status });
  // An acknowledgement that D1 does not learn of only makes the sweep put the same version again.
  if (put.ok) await agents.acknowledge(stored);
  return put.ok;
}
