/** Who acts with exchanged tokens: kept for as long as these live, so that the end of a sub-agent is theirs too. */
import type { AgentId, TenantId, TokenId } from "../kernel/ids.ts";
import type { Result } from "../kernel/result.ts";
import type { Timestamp } from "../kernel/timestamp.ts";
import type { Home } from "../residency/home.ts";
import type { HolderKey } from "./holder-key.ts";

export interface KeptDelegation {
  readonly home: Home;
  readonly tenantId: TenantId;
  /** The sub-agent. */
  readonly actorId: AgentId;
  /** Whose ledger the token charges. */
  readonly agentId: AgentId;
  readonly tokenId: TokenId;
  readonly endsAt: Timestamp;
}

export interface DelegationDesk {
  /**
   * Refused unless the sub-agent is an active one of the tenant at the moment of the commit, and has room.
   * @returns its key at that moment; another one revokes what is kept here.
   */
  keep(delegation: KeptDelegation, nowMs: number): Promise<Result<HolderKey | null>>;
}
