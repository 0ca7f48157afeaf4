/**
 * The records of a busy ledger, on their way to the queue many to a message: one operation of the queue instead of one
 * per call. They wait a moment in memory; what a crash loses of them shows as a gap in the ledger's numbers.
 */
import type { AuditRecord } from "../audit/audit-record.ts";
import { MAX_PACK_RECORDS } from "../audit/record-pack.ts";
import { createRecordQueue } from "../audit/record-queue.store.ts";
import { type Env, homeStoresOf } from "../bindings.ts";
import type { Home } from "../residency/home.ts";
import { startTimer } from "./call-ledger.store.ts";

const LONGEST_WAIT_MS = 250;

export class RecordPacks {
  readonly #envOf: () => Env;
  readonly #keep: (records: readonly AuditRecord[]) => void;
  #waiting: AuditRecord[] = [];
  #stopTimer: (() => void) | null = null;

  /** @param keep takes what the queue did not. */
  constructor(envOf: () => Env, keep: (records: readonly AuditRecord[]) => void) {
    this.#envOf = envOf;
    this.#keep = keep;
  }

  /** All of a ledger's records belong to one home: its agent's. */
  add(record: AuditRecord): void {
    this.#waiting.push(record);
    if (this.#waiting.length >= MAX_PACK_RECORDS) this.#flush(record.home);
    else this.#stopTimer ??= startTimer(LONGEST_WAIT_MS, () => this.#flush(record.home));
  }

  #flush(home: Home): void {
    this.#stopTimer?.();
    this.#stopTimer = null;
    const records = this.#waiting;
    this.#waiting = [];
    void this.#send(home, records);
  }

  async #send(home: Home, records: readonly AuditRecord[]): Promise<void> {
    const queueOf = () => homeStoresOf(this.#envOf(), home).audit;
    const taken = await createRecordQueue({ queueOf, startTimer }).sendPack(home, records);
    if (!taken) this.#keep(records);
  }
}
