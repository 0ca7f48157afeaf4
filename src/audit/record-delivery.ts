/** How a record leaves the request: into the queue of its home, else into the agent's ledger, else not at all. */
import type { Home } from "../residency/home.ts";
import type { AuditRecord } from "./audit-record.ts";

export interface RecordQueue {
  /** False when the queue did not take it in time. */
  send(home: Home, record: AuditRecord): Promise<boolean>;
}

/** For who has several records of one home at once. */
export interface RecordPackQueue {
  /**
   * In as few messages as their sizes allow. False unless all were taken in time: some may have been then, and
   * sending all again changes nothing.
   */
  sendPack(home: Home, records: readonly AuditRecord[]): Promise<boolean>;
}
