/**
 * Several records of one home in one message of its queue: each message has its price, however little it carries.
 * Records are only ever added to a pack, never told apart by it: the log knows them by (source, n) alone.
 */
import * as z from "zod";
import type { AuditRecord } from "./audit-record.ts";
import { splitByBytes } from "./split-by-bytes.ts";

export const MAX_PACK_RECORDS = 50;

/** A queue takes messages of 128 kB, and counts what the platform adds to each. */
export const MAX_PACK_BYTES = 100_000;

export const RecordPack = z.strictObject({
  v: z.literal(1),
  /** Each to be read as an AuditRecord by itself: one that cannot be read must not keep the others out of the log. */
  records: z.array(z.unknown()).min(1).max(MAX_PACK_RECORDS),
});
export type RecordPack = z.infer<typeof RecordPack>;

const bounds = {
  maxItems: MAX_PACK_RECORDS,
  maxBytes: MAX_PACK_BYTES - JSON.stringify({ v: 1, records: [] } satisfies RecordPack).length,
};

/** In order, into as few packs as their sizes allow. A record that is too large for any message stands alone. */
export const packRecords = (records: readonly AuditRecord[]): AuditRecord[][] =>
  splitByBytes(records, (record) => JSON.stringify(record), bounds);
