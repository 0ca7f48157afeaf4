/** The end of what a sub-agent acts with, told to the ledgers that hold what was revoked with it: those of whom it acted for. */
import type { Agent } from "../capability/agent.ts";
import type { DelegationStore } from "../capability/delegations.store.ts";
import type { AgentLedgers } from "../quota/ledgers.ts";
import type { Home } from "../residency/home.ts";

export interface EndDelegationDeps {
  readonly delegations: DelegationStore;
  readonly agentLedgers: Pick<AgentLedgers, "revokeTokens">;
}

/** What one message may name. */
const MAX_TOKENS_TOLD = 100;

/** False when one of them could not be told; the schedule repeats that. */
export async function endDelegations(
  { delegations, agentLedgers }: EndDelegationDeps,
  home: Home,
  { id: actorId, tenantId }: Pick<Agent, "id" | "tenantId">,
): Promise<boolean> {
  const untold = await delegations.untold(home, actorId);
  if (!untold.ok) return false;
  for (const [agentId, revoked] of Map.groupBy(untold.value, (delegation) => delegation.agentId)) {
    for (let from = 0; from < revoked.length; from += MAX_TOKENS_TOLD) {
      const told = revoked.slice(from, from + MAX_TOKENS_TOLD);
      const tokens = told.map(({ tokenId, endsAt }) => ({ tokenId, expiresAtMs: Date.parse(endsAt) }));
      const answer = await agentLedgers.revokeTokens({
        v: 1,
        home,
        tenantId,
        agentId,
        tokens,
        notBeforeMs: null,
      });
      if (!answer.ok) return false;
      await delegations.acknowledge(
        home,
        agentId,
        told.map(({ tokenId }) => tokenId),
      );
    }
  }
  return true;
}
