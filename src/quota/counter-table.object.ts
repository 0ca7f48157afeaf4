/** The stored buckets of a ledger's counters. Ended ones are kept for a while and purged by the alarm. */
import * as z from "zod";
import type { CounterRow } from "./counter-book.ts";
import { endedBucketsDueMs, purgeEndedBuckets } from "./ended-buckets.object.ts";
import { Window } from "./limit-claim.ts";

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
    purgeEndedBuckets(this.#sql, "counter_buckets", nowMs);
    // Calls under way have no window that ends: their counter goes when there are none.
    this.#sql.exec(
      `DELETE FROM counter_buckets WHERE "window" = 'open' AND bucket = 0 AND used = 0 AND ahead = 0`,
    );
  }

  purgeDueMs(): number | null {
    return endedBucketsDueMs(this.#sql, "counter_buckets");
  }
}
