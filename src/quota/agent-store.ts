/** What an agent's ledger needs of its storage: synchronous, and all that one step writes is one commit. */
import type { AuditRecord } from "../audit/audit-record.ts";
import type { ApprovalRows } from "./agent-approvals.ts";
import type { ObjectRows } from "./agent-objects.ts";
import type { AgentReservation } from "./agent-reservation.ts";
import type { AgentIdentity, AgentStanding } from "./agent-standing.ts";
import type { CounterRow } from "./counter-book.ts";
import type { KeptSettlement } from "./kept-settlement.ts";
import type { NumberBlock } from "./record-numbers.ts";
import type { SavedRevocations } from "./revoked-tokens.ts";

/** What a request id of /v1/enforce was charged for. */
export interface KnownAsk {
  readonly askHash: string;
  readonly reservationId: string;
}

/** Read once, when the ledger starts. */
export interface SavedLedger {
  readonly counters: readonly CounterRow[];
  readonly open: readonly AgentReservation[];
  readonly numbers: NumberBlock;
  readonly agent: (AgentIdentity & AgentStanding) | null;
  readonly revocations: SavedRevocations;
}

export interface AgentStore extends ApprovalRows, ObjectRows {
  putCounters(rows: readonly CounterRow[]): void;
  putReservation(reservation: AgentReservation): void;
  removeReservation(reservationId: string): void;
  /** Stored ones only, ended ones among them. */
  findReservation(reservationId: string): AgentReservation | null;
  putNumbers(block: NumberBlock): void;
  putAgent(agent: AgentIdentity & AgentStanding): void;
  /** In place of those that were stored before. */
  putRevocations(revocations: SavedRevocations): void;
  knownAsk(requestId: string, nowMs: number): KnownAsk | null;
  putAsk(requestId: string, ask: KnownAsk, nowMs: number): void;
  keepRecord(record: AuditRecord, dueAtMs: number): void;
  keepSettlement(kept: KeptSettlement, dueAtMs: number): void;
}
