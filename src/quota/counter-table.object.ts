/** The stored buckets of a ledger's counters. Ended ones are kept for a while and purged by the alarm. */
import * as z from "zod";
import type { CounterRow } from "./counter-book.ts";
import { Window } from "./limit-claim.ts";
import { bucketEndMs, oldestKept, purgeDueMs } from "./windows.ts";

const Row = z.object({
  counter: z.string(),
  window: Window,
  bucket: z.int(),
  used: z.int(),
  ahead: z.int(),
});

export class CounterTable {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    // The check turns a miscount into a failed call, which fails closed.
    sql.exec(`
      CREATE TABLE IF NOT EXISTS counter_buckets (
        "window" TEXT NOT NULL, bucket INTEGER NOT NULL, counter TEXT NOT NULL,
        used INTEGER NOT NULL CHECK (used >= 0), ahead INTEGER NOT NULL CHECK (ahead >= 0),
        PRIMARY KEY ("window", bucket, counter)
      ) STRICT, WITHOUT ROWID;
    `);
  }

  rows(): CounterRow[] {
    return this.#sql
      .exec(`SELECT counter, "window", bucket, used, ahead FROM counter_buckets`)
      .toArray()
      .map((row) => Row.parse(row));
  }

  put(rows: readonly CounterRow[]): void {
    for (const { counter, window, bucket, used, ahead } of rows) {
      this.#sql.exec(
        `INSERT INTO counter_buckets ("window", bucket, counter, used, ahead) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT DO UPDATE SET used = excluded.used, ahead = excluded.ahead`,
        window,
        bucket,
        counter,
        used,
        ahead,
      );
    }
  }

  purge(nowMs: number): void {
    for (const window of Window.options) {
      if (bucketEndMs(window, 0) === null) {
        this.#sql.exec(
          `DELETE FROM counter_buckets WHERE "window" = ?1 AND bucket = 0 AND used = 0 AND ahead = 0`,
          window,
        );
        continue;
      }
      // A bucket may count for a while after the moment it names, and a clock may step back.
      const oldest = oldestKept(window, nowMs);
      this.#sql.exec(`DELETE FROM counter_buckets WHERE "window" = ?1 AND bucket < ?2`, window, oldest);
    }
  }

  /** Null = there is nothing that will ever end. */
  purgeDueMs(): number | null {
    let dueMs: number | null = null;
    for (const window of Window.options) {
      const { bucket } = this.#sql
        .exec<{ bucket: number | null }>(
          `SELECT min(bucket) AS bucket FROM counter_buckets WHERE "window" = ?1`,
          window,
        )
        .one();
      const endMs = bucket === null ? null : purgeDueMs(window, bucket);
      if (endMs !== null && (dueMs === null || endMs < dueMs)) dueMs = endMs;
    }
    return dueMs;
  }
}
