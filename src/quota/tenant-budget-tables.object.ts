/** What a tenant's ledger stores of tenant-wide budgets: who holds how much, and which calls are under way. */
import * as z from "zod";
import { endedBucketsDueMs, purgeEndedBuckets } from "./ended-buckets.object.ts";
import { Window } from "./limit-claim.ts";
import { Permit } from "./permits.ts";
import type { HoldRow } from "./tenant-holds.ts";

const Row = z.object({
  counter: z.string(),
  window: Window,
  bucket: z.int(),
  holder: z.string(),
  held: z.int(),
});

export class TenantBudgetTables {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(`
      CREATE TABLE IF NOT EXISTS holds (
        "window" TEXT NOT NULL, bucket INTEGER NOT NULL, counter TEXT NOT NULL, holder TEXT NOT NULL,
        held INTEGER NOT NULL CHECK (held >= 0),
        PRIMARY KEY ("window", bucket, counter, holder)
      ) STRICT, WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS holders (holder TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS permits (
        id TEXT PRIMARY KEY, expires_at INTEGER NOT NULL, counters TEXT NOT NULL
      ) STRICT, WITHOUT ROWID;
    `);
  }

  holds(): HoldRow[] {
    return this.#sql
      .exec(`SELECT counter, "window", bucket, holder, held FROM holds`)
      .toArray()
      .map((row) => Row.parse(row));
  }

  seqs(): (readonly [string, number])[] {
    const rows = this.#sql.exec<{ holder: string; seq: number }>("SELECT holder, seq FROM holders").toArray();
    return rows.map(({ holder, seq }) => [holder, seq]);
  }

  permits(): Permit[] {
    return this.#sql
      .exec<{ id: string; expires_at: number; counters: string }>(
        "SELECT id, expires_at, counters FROM permits",
      )
      .toArray()
      .map(({ id, expires_at, counters }) =>
        Permit.parse({ reservationId: id, expiresAtMs: expires_at, counters: JSON.parse(counters) }),
      );
  }

  putHolds(holder: string, seq: number, rows: readonly HoldRow[]): void {
    if (rows.length === 0) return;
    for (const { counter, window, bucket, held } of rows) {
      this.#sql.exec(
        `INSERT INTO holds ("window", bucket, counter, holder, held) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT DO UPDATE SET held = excluded.held`,
        window,
        bucket,
        counter,
        holder,
        held,
      );
    }
    this.#sql.exec(
      "INSERT INTO holders (holder, seq) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET seq = max(seq, excluded.seq)",
      holder,
      seq,
    );
  }

  putPermit({ reservationId, expiresAtMs, counters }: Permit): void {
    this.#sql.exec(
      "INSERT OR REPLACE INTO permits (id, expires_at, counters) VALUES (?1, ?2, ?3)",
      reservationId,
      expiresAtMs,
      JSON.stringify(counters),
    );
  }

  removePermit(reservationId: string): void {
    this.#sql.exec("DELETE FROM permits WHERE id = ?1", reservationId);
  }

  purge(nowMs: number): void {
    purgeEndedBuckets(this.#sql, "holds", nowMs);
  }

  purgeDueMs(): number | null {
    return endedBucketsDueMs(this.#sql, "holds");
  }
}
