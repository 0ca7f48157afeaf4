/**
 * The stored answers of one agent, in its own ledger: another agent's are in another ledger, so nothing that is asked here
 * can find them. The newest are kept: a new one pushes out the oldest, whatever the count of rows is.
 */
import { MAX_STORED_OBJECTS } from "../kernel/limits.ts";
import type { KeptObject } from "./agent-objects.ts";
import { StoredObject } from "./stored-object-contracts.ts";

type Row = { readonly deployment: string; readonly backendId: string };

export class StoredObjectTable {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(`
      CREATE TABLE IF NOT EXISTS stored_objects (
        ordinal INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, deployment TEXT NOT NULL,
        backend_id TEXT NOT NULL, expires_at INTEGER NOT NULL
      ) STRICT;
      CREATE INDEX IF NOT EXISTS stored_objects_by_end ON stored_objects (expires_at);
    `);
  }

  /** What it knows already stays as it is: a streamed answer is told twice, and must not take the place of two. */
  put({ key, object, expiresAtMs }: KeptObject): void {
    if (this.#sql.exec("SELECT 1 FROM stored_objects WHERE key = ?1", key).toArray().length > 0) return;
    this.#sql.exec(
      `INSERT INTO stored_objects (key, deployment, backend_id, expires_at) VALUES (?1, ?2, ?3, ?4)`,
      key,
      object.deployment,
      object.backendId,
      expiresAtMs,
    );
    this.#sql.exec(
      "DELETE FROM stored_objects WHERE ordinal <= last_insert_rowid() - ?1",
      MAX_STORED_OBJECTS,
    );
  }

  find(key: string, nowMs: number): StoredObject | null {
    const row = this.#sql
      .exec<Row>(
        `SELECT deployment, backend_id AS backendId FROM stored_objects WHERE key = ?1 AND expires_at > ?2`,
        key,
        nowMs,
      )
      .toArray()[0];
    return row === undefined ? null : StoredObject.parse(row);
  }

  remove(key: string): void {
    this.#sql.exec("DELETE FROM stored_objects WHERE key = ?1", key);
  }

  purge(nowMs: number): void {
    this.#sql.exec("DELETE FROM stored_objects WHERE expires_at <= ?1", nowMs);
  }

  purgeDueMs(): number | null {
    return this.#sql.exec<{ next: number | null }>("SELECT min(expires_at) AS next FROM stored_objects").one()
      .next;
  }
}
