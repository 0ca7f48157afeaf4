/** A committed revocation, told to the agent's own ledger: the step between a commit and its answer. */
import type { AgentLedgers } from "../quota/ledgers.ts";
import type { TokenRevocation, TokenRevocationStore } from "./token-revocations.store.ts";

export interface TellDeps {
  readonly tokenRevocations: Pick<TokenRevocationStore, "acknowledge">;
  readonly agentLedgers: Pick<AgentLedgers, "revokeTokens">;
}

/** False when the ledger could not be reached. Repeating is harmless: a ledger only ever learns of more. */
export async function tellRevocation(
  { tokenRevocations, agentLedgers }: TellDeps,
  revocation: TokenRevocation,
): Promise<boolean> {
  const { home, tenantId, agentId, tokenId, notBefore, endsAt } = revocation;
  const told = await agentLedgers.revokeTokens({
    v: 1,
    home,
    tenantId,
    agentId,
    tokens: tokenId === null ? [] : [{ tokenId, expiresAtMs: Date.parse(endsAt) }],
    notBeforeMs: notBefore === null ? null : Date.parse(notBefore),
  });
  // An acknowledgement that D1 does not learn of only makes the sweep tell it again.
  if (told.ok) await tokenRevocations.acknowledge(revocation);
  return told.ok;
}
