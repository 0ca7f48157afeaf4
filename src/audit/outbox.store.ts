/**
 * Records of control-plane writes, committed with the change itself and delivered afterwards. A source numbers its
 * records without holes, so the highest row of each source is never purged: the next number comes from it. A source
 * belongs to ONE database's outbox; two databases counting under one name would give out the same identities.
 */
import * as z from "zod";
import { type Clock, DAY_MS } from "../kernel/clock.ts";
import type { Scope } from "../kernel/ids.ts";
import { refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { timestampOf } from "../kernel/timestamp.ts";
import type { Home } from "../residency/home.ts";
import { AuditRecord } from "./audit-record.ts";
import type { RecordQueue } from "./record-delivery.ts";

const INSERT = `INSERT INTO outbox (source, n, record)
  SELECT ?1, COALESCE(MAX(n), 0) + 1, ?2 FROM outbox WHERE source = ?1`;
const UNSENT = `SELECT source, n, record FROM outbox INDEXED BY outbox_unsent
  WHERE sent_at IS NULL AND (source, n) > (?1, ?2) ORDER BY source, n LIMIT ?3`;
const MARK_SENT = "UPDATE outbox SET sent_at = ?3 WHERE source = ?1 AND n = ?2 AND sent_at IS NULL";
// Reads the whole table, which this statement itself keeps at about a day of control-plane writes.
const PURGE = `DELETE FROM outbox WHERE sent_at < ?1
  AND n < (SELECT MAX(n) FROM outbox AS latest WHERE latest.source = outbox.source)`;

const BATCH_ROWS = 50;
/** Bounds one run to 1,000 rows; the next run continues. */
const MAX_BATCHES = 20;

const OutboxRow = z.object({ source: z.string(), n: z.int().min(1), record: z.string() });
type OutboxRow = z.infer<typeof OutboxRow>;

type WithoutNumber<R> = R extends unknown ? Omit<R, "source" | "n"> : never;
/** A record before its outbox gives it its identity. */
export type UnnumberedRecord = WithoutNumber<AuditRecord>;

export const controlSource = (scope: Scope): string => `control/${scope}`;

/** To be put into the batch of the change. Throws on a record that the log would not take. */
export function outboxStatement(
  db: D1Database,
  source: string,
  record: UnnumberedRecord,
): D1PreparedStatement {
  const checked = AuditRecord.parse({ ...record, source, n: 1 });
  return db.prepare(INSERT).bind(source, JSON.stringify(checked));
}

export interface OutboxPorts {
  readonly db: D1Database;
  readonly queue: RecordQueue;
  /** The home of the database: its records go to no other home's queue. */
  readonly home: Home;
  readonly now: Clock;
}

export interface OutboxDelivery {
  readonly sent: number;
  /** Still in the outbox: not taken by the queue, or not a record of this home. */
  readonly kept: number;
}

/**
 * Safe to run twice at once: a record may be sent twice, and (source, n) makes that one. Rows that cannot be sent
 * never hold up the ones behind them.
 */
export async function deliverOutbox(ports: OutboxPorts): Promise<Result<OutboxDelivery>> {
  try {
    const delivery = await deliverBatches(ports);
    await ports.db
      .prepare(PURGE)
      .bind(timestampOf(ports.now() - DAY_MS))
      .run();
    return ok(delivery);
  } catch {
    return fail(refuse("store_unavailable"));
  }
}

async function deliverBatches({ db, queue, home, now }: OutboxPorts): Promise<OutboxDelivery> {
  const total = { sent: 0, kept: 0 };
  let after = { source: "", n: 0 };
  for (let batch = 0; batch < MAX_BATCHES; batch += 1) {
    const { results } = await db.prepare(UNSENT).bind(after.source, after.n, BATCH_ROWS).all();
    const rows = results.map((row) => OutboxRow.parse(row));
    const taken = await Promise.all(rows.map((row) => sendRow(row, queue, home)));
    const sent = rows.filter((_, index) => taken[index]);
    const sentAt = timestampOf(now());
    if (sent.length > 0) {
      await db.batch(sent.map(({ source, n }) => db.prepare(MARK_SENT).bind(source, n, sentAt)));
    }
    total.sent += sent.length;
    total.kept += rows.length - sent.length;
    const last = rows.at(-1);
    if (last === undefined || rows.length < BATCH_ROWS) break;
    after = last;
  }
  return total;
}

async function sendRow(row: OutboxRow, queue: RecordQueue, home: Home): Promise<boolean> {
  const record = recordOf(row);
  return record !== undefined && record.home === home && (await queue.send(home, record));
}

function recordOf({ source, n, record }: OutboxRow): AuditRecord | undefined {
  try {
    return AuditRecord.parse({ ...JSON.parse(record), source, n });
  } catch {
    return undefined;
  }
}
