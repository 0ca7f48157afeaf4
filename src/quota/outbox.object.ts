/**
 * What an agent's ledger still has to send: records to the queue, settlements to the tenant's ledger. A row stays until
 * its delivery succeeded; receivers are idempotent, so one that is sent twice changes nothing.
 */
import { backOffMs } from "./back-off.ts";

export interface OutboxRow {
  readonly key: string;
  readonly kind: "record" | "tenant_settle";
  readonly body: string;
  readonly attempts: number;
}

/** Bounds the subrequests of one alarm; what is left is due at once again. */
const DELIVER_AT_ONCE = 25;

export class Outbox {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(`
      CREATE TABLE IF NOT EXISTS outbox (
        key TEXT PRIMARY KEY, kind TEXT NOT NULL, body TEXT NOT NULL,
        attempts INTEGER NOT NULL, next_at INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX IF NOT EXISTS outbox_due ON outbox (next_at);
    `);
  }

  /** Keeps what is there under the key: a repeated call must not restart its back-off. */
  put(row: Omit<OutboxRow, "attempts">, dueAtMs: number): void {
    this.#sql.exec(
      "INSERT INTO outbox (key, kind, body, attempts, next_at) VALUES (?, ?, ?, 0, ?) ON CONFLICT DO NOTHING",
      row.key,
      row.kind,
      row.body,
      dueAtMs,
    );
  }

  /** Attempts every due row; `send` rejects where it was not delivered. One row never stops another. */
  async deliver(nowMs: number, send: (row: OutboxRow) => Promise<void>): Promise<void> {
    const rows = this.#sql
      .exec<{ key: string; kind: OutboxRow["kind"]; body: string; attempts: number }>(
        "SELECT key, kind, body, attempts FROM outbox WHERE next_at <= ? ORDER BY next_at LIMIT ?",
        nowMs,
        DELIVER_AT_ONCE,
      )
      .toArray();
    await Promise.all(
      rows.map(async (row) => {
        try {
          await send(row);
          this.done(row.key);
        } catch {
          this.failed(row, nowMs);
        }
      }),
    );
  }

  done(key: string): void {
    this.#sql.exec("DELETE FROM outbox WHERE key = ?", key);
  }

  failed(row: Pick<OutboxRow, "key" | "attempts">, nowMs: number): void {
    const attempts = row.attempts + 1;
    const nextAtMs = nowMs + backOffMs(attempts);
    this.#sql.exec("UPDATE outbox SET attempts = ?, next_at = ? WHERE key = ?", attempts, nextAtMs, row.key);
  }

  nextDeadlineMs(): number | null {
    return this.#sql.exec<{ value: number | null }>("SELECT min(next_at) AS value FROM outbox").one().value;
  }
}
