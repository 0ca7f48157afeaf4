/** The ledgers as the other rooms see them: a port of domain types. An error of the platform becomes `unavailable`. */

import type { AuditRecord } from "../audit/audit-record.ts";
import type { AgentId, ReservationId, Scope, TenantId } from "../kernel/ids.ts";
import type { Refusal } from "../kernel/refusal.ts";
import type { Result } from "../kernel/result.ts";
import type { Home } from "../residency/home.ts";
import type { ApprovalDecision, ApprovalDecisionReply } from "./approval-contracts.ts";
import type {
  AgentState,
  ConfirmReply,
  ConfirmRequest,
  RenewReply,
  RenewRequest,
  ReserveReply,
  ReserveRequest,
  Settle,
  SettleReply,
} from "./contracts.ts";
import type { ReservationReply, StateReply, StateRequest, TotalsReply } from "./state-contracts.ts";
import type { ForgetObject, KeepObject } from "./stored-object-contracts.ts";
import type { RefreshReply, RefreshRequest, TokenRevocation } from "./token-contracts.ts";
import type { PrepareReply, PublishReply } from "./write-contracts.ts";

export interface AgentAddress {
  readonly home: Home;
  readonly tenantId: TenantId;
  readonly agentId: AgentId;
}

export interface ScopeAddress {
  readonly scope: Scope;
  readonly home: Home;
}

/** Failures are `ledger_unavailable` or `ledger_overloaded`. */
export interface AgentLedgers {
  reserve(request: ReserveRequest): Promise<Result<ReserveReply, Refusal>>;
  confirm(request: ConfirmRequest): Promise<Result<ConfirmReply, Refusal>>;
  refresh(request: RefreshRequest): Promise<Result<RefreshReply, Refusal>>;
  renew(request: RenewRequest): Promise<Result<RenewReply, Refusal>>;
  settle(request: Settle): Promise<Result<SettleReply, Refusal>>;
  /** Keeps a record that the queue did not take, and delivers it later. */
  keepRecord(address: AgentAddress, record: AuditRecord): Promise<Result<null, Refusal>>;
  putAgentState(state: AgentState): Promise<Result<null, Refusal>>;
  /** Tells of an answer that Azure keeps before the call that made it is settled. Repeating is harmless. */
  keepObject(kept: KeepObject): Promise<Result<null, Refusal>>;
  /** Repeating is harmless. */
  forgetObject(forgotten: ForgetObject): Promise<Result<null, Refusal>>;
  revokeTokens(revocation: TokenRevocation): Promise<Result<null, Refusal>>;
  /** Repeating is harmless. */
  decideApproval(decision: ApprovalDecision): Promise<Result<ApprovalDecisionReply, Refusal>>;
}

export interface TenantLedgers {
  prepare(address: ScopeAddress): Promise<Result<PrepareReply, Refusal>>;
  publish(address: ScopeAddress, revision: number): Promise<Result<PublishReply, Refusal>>;
  /** Gives up a prepared revision at once: a void row takes its number, unless the write committed after all. */
  resolve(address: ScopeAddress, revision: number): Promise<Result<PublishReply, Refusal>>;
}

/** Looks at ledgers, which change nothing. */
export interface LedgerReadings {
  state(
    address: AgentAddress,
    page: Pick<StateRequest, "after" | "limit">,
  ): Promise<Result<StateReply, Refusal>>;
  reservation(address: AgentAddress, id: ReservationId): Promise<Result<ReservationReply, Refusal>>;
  totals(address: ScopeAddress, counters: readonly string[]): Promise<Result<TotalsReply, Refusal>>;
}
