/** Everything an agent's ledger stores, as one: the changes that touch several tables, and the earliest deadline. */
import type { AuditRecord } from "../audit/audit-record.ts";
import type { AgentId } from "../kernel/ids.ts";
import { abandonedRecord } from "./abandoned-record.ts";
import { AgentReservation, expireReservation } from "./agent-reservation.ts";
import { AgentTables } from "./agent-tables.object.ts";
import type { RecordNumber } from "./contracts.ts";
import { earliest } from "./deadlines.object.ts";
import type { KeptSettlement } from "./kept-settlement.ts";
import { LedgerTables } from "./ledger-tables.object.ts";
import { Outbox } from "./outbox.object.ts";

export class AgentLedgerStore {
  readonly tables: LedgerTables<AgentReservation>;
  readonly agent: AgentTables;
  readonly outbox: Outbox;

  constructor(sql: SqlStorage) {
    this.tables = new LedgerTables(sql, AgentReservation);
    this.agent = new AgentTables(sql);
    this.outbox = new Outbox(sql);
  }

  takeNumber(): number {
    return this.agent.takeNumber();
  }

  numbered(agentId: AgentId, n: number): RecordNumber {
    return { source: `agent-ledger/${agentId}`, n };
  }

  number(agentId: AgentId): RecordNumber {
    return this.numbered(agentId, this.takeNumber());
  }

  expireOverdue(nowMs: number): void {
    for (const overdue of this.tables.overdue(nowMs)) {
      const { reservation, moves } = expireReservation(overdue, nowMs);
      this.tables.move(moves);
      this.tables.put(reservation, nowMs);
      this.keepRecord(abandonedRecord(overdue, this.number(overdue.agentId), nowMs), nowMs);
    }
  }

  keepRecord(record: AuditRecord, dueAtMs: number): void {
    const key = `record/${record.source}/${record.n}`;
    this.outbox.put({ key, kind: "record", body: JSON.stringify(record) }, dueAtMs);
  }

  settlementKey({ settle }: KeptSettlement): string {
    return `tenant_settle/${settle.reservationId}`;
  }

  keepSettlement(kept: KeptSettlement, dueAtMs: number): void {
    const body = JSON.stringify(kept);
    this.outbox.put({ key: this.settlementKey(kept), kind: "tenant_settle", body }, dueAtMs);
  }

  purge(nowMs: number): void {
    this.tables.purge(nowMs);
    this.agent.purgeAsks(nowMs);
  }

  nextDeadlineMs(): number | null {
    return earliest(this.tables.nextDeadlineMs(), this.agent.nextDeadlineMs(), this.outbox.nextDeadlineMs());
  }
}
