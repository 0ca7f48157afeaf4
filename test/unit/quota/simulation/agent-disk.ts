/** AgentStore on a simulated disk: the tables of src/quota/agent-tables.object.ts as maps. */
import type { AuditRecord } from "../../../../src/audit/audit-record.ts";
import type { AgentApproval } from "../../../../src/quota/agent-approvals.ts";
import type { KeptObject } from "../../../../src/quota/agent-objects.ts";
import { AgentReservation } from "../../../../src/quota/agent-reservation.ts";
import type { AgentIdentity, AgentStanding } from "../../../../src/quota/agent-standing.ts";
import type { AgentStore, KnownAsk, SavedLedger } from "../../../../src/quota/agent-store.ts";
import { backOffMs } from "../../../../src/quota/back-off.ts";
import type { CounterRow } from "../../../../src/quota/counter-book.ts";
import { type KeptSettlement, settlementKey } from "../../../../src/quota/kept-settlement.ts";
import type { NumberBlock } from "../../../../src/quota/record-numbers.ts";
import { NOTHING_REVOKED, type SavedRevocations } from "../../../../src/quota/revoked-tokens.ts";
import type { StoredObject } from "../../../../src/quota/stored-object-contracts.ts";
import type { Disk } from "./disk.ts";

export interface KeptRow {
  readonly key: string;
  readonly body: { readonly record: AuditRecord } | { readonly settlement: KeptSettlement };
  readonly attempts: number;
  readonly nextAtMs: number;
}

/** What the observer of the world wants to know of an agent's writes. */
export interface AgentWatch {
  expired(reservation: AgentReservation): void;
  recorded(record: AuditRecord): void;
}

export class AgentDisk implements AgentStore {
  readonly #disk: Disk;
  readonly #watch: AgentWatch;

  constructor(disk: Disk, watch: AgentWatch) {
    this.#disk = disk;
    this.#watch = watch;
  }

  // The disk gives back what these same methods put: its values need no second parsing.
  load(): SavedLedger {
    return {
      counters: this.#disk.values("counters") as CounterRow[],
      open: this.#disk.values("open") as AgentReservation[],
      numbers: (this.#disk.get("numbers", "1") as NumberBlock | undefined) ?? { given: 0, until: 0 },
      agent: (this.#disk.get("agent", "1") as (AgentIdentity & AgentStanding) | undefined) ?? null,
      revocations: (this.#disk.get("revocations", "1") as SavedRevocations | undefined) ?? NOTHING_REVOKED,
    };
  }

  putCounters(rows: readonly CounterRow[]): void {
    for (const row of rows) {
      if (row.used < 0 || row.ahead < 0) throw new Error("CHECK constraint failed");
      this.#disk.put("counters", `${row.counter}#${row.bucket}`, row);
    }
  }

  putReservation(reservation: AgentReservation): void {
    const { reservationId, endedAtMs, state } = reservation;
    if (endedAtMs === null) {
      this.#disk.put("open", reservationId, reservation);
      return;
    }
    this.removeReservation(reservationId);
    this.#disk.put("ended", reservationId, reservation);
    if (state === "expired") this.#watch.expired(reservation);
  }

  removeReservation(reservationId: string): void {
    this.#disk.put("open", reservationId, undefined);
  }

  findReservation(reservationId: string): AgentReservation | null {
    const found = this.#disk.get("open", reservationId) ?? this.#disk.get("ended", reservationId);
    return found === undefined ? null : AgentReservation.parse(found);
  }

  putNumbers(block: NumberBlock): void {
    this.#disk.put("numbers", "1", block);
  }

  putAgent(agent: AgentIdentity & AgentStanding): void {
    this.#disk.put("agent", "1", agent);
  }

  putRevocations(revocations: SavedRevocations): void {
    this.#disk.put("revocations", "1", revocations);
  }

  knownAsk(requestId: string): KnownAsk | null {
    return (this.#disk.get("asks", requestId) as KnownAsk | undefined) ?? null;
  }

  putAsk(requestId: string, ask: KnownAsk): void {
    this.#disk.put("asks", requestId, ask);
  }

  putApproval(approval: AgentApproval): void {
    this.#disk.put("approvals", approval.approvalId, approval);
  }

  findApproval(approvalId: string): AgentApproval | null {
    return this.#approvals().find((approval) => approval.approvalId === approvalId) ?? null;
  }

  approvalsOf(requestHash: string): readonly AgentApproval[] {
    return this.#approvals().filter((approval) => approval.requestHash === requestHash);
  }

  pendingApprovals(nowMs: number): number {
    return this.#approvals().filter(({ state, expiresAtMs }) => state === "pending" && expiresAtMs > nowMs)
      .length;
  }

  putStoredObject(kept: KeptObject): void {
    this.#disk.put("objects", kept.key, kept);
  }

  findStoredObject(key: string, nowMs: number): StoredObject | null {
    const kept = this.#disk.get("objects", key) as KeptObject | undefined;
    return kept !== undefined && kept.expiresAtMs > nowMs ? kept.object : null;
  }

  removeStoredObject(key: string): void {
    this.#disk.put("objects", key, undefined);
  }

  keepRecord(record: AuditRecord, dueAtMs: number): void {
    this.#watch.recorded(record);
    this.#keep(`record/${record.source}/${record.n}`, { record }, dueAtMs);
  }

  keepSettlement(settlement: KeptSettlement, dueAtMs: number): void {
    this.#keep(settlementKey(settlement), { settlement }, dueAtMs);
  }

  kept(): KeptRow[] {
    return this.#disk.values("outbox") as KeptRow[];
  }

  delivered(key: string): void {
    this.#disk.put("outbox", key, undefined);
  }

  failed(key: string, nowMs: number): void {
    const row = this.#disk.get("outbox", key) as KeptRow | undefined;
    if (row === undefined) return;
    const attempts = row.attempts + 1;
    this.#disk.put("outbox", key, { ...row, attempts, nextAtMs: nowMs + backOffMs(attempts) });
  }

  nextDeliveryMs(): number | null {
    const times = this.kept().map(({ nextAtMs }) => nextAtMs);
    return times.length === 0 ? null : Math.min(...times);
  }

  #approvals(): AgentApproval[] {
    return this.#disk.values("approvals") as AgentApproval[];
  }

  #keep(key: string, body: KeptRow["body"], nextAtMs: number): void {
    if (this.#disk.get("outbox", key) !== undefined) return;
    this.#disk.put("outbox", key, { key, body, attempts: 0, nextAtMs });
  }
}
