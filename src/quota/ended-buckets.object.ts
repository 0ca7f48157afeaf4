/** Purging of stored buckets whose windows have ended: they are kept for a while, since a clock may step back. */
import { earliest } from "./earliest.ts";
import { Window } from "./limit-claim.ts";
import { oldestKept, purgeDueMs } from "./windows.ts";

/** Both begin their primary key with window and bucket. */
type BucketTable = "counter_buckets" | "holds";

export function purgeEndedBuckets(sql: SqlStorage, table: BucketTable, nowMs: number): void {
  for (const window of Window.options) {
    const oldest = oldestKept(window, nowMs);
    sql.exec(`DELETE FROM ${table} WHERE "window" = ?1 AND bucket < ?2`, window, oldest);
  }
}

/** Null = there is nothing that will ever end. */
export function endedBucketsDueMs(sql: SqlStorage, table: BucketTable): number | null {
  const dueMs = Window.options.map((window) => {
    const { bucket } = sql
      .exec<{ bucket: number | null }>(
        `SELECT min(bucket) AS bucket FROM ${table} WHERE "window" = ?1`,
        window,
      )
      .one();
    return bucket === null ? null : purgeDueMs(window, bucket);
  });
  return earliest(...dueMs);
}
