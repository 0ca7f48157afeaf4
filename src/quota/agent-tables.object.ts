/** The tables only an agent's ledger has: agent state, its record numbers, and the request ids of `/v1/enforce`. */
import * as z from "zod";
import { MINUTE_MS } from "../kernel/clock.ts";
import type { AgentStanding } from "./agent-standing.ts";
import { AgentState } from "./contracts.ts";

/** How long `/v1/enforce` is idempotent on a request id (DESIGN section 7). */
const IDEMPOTENCY_MS = 10 * MINUTE_MS;

const StandingRow = z.object({ version: AgentState.shape.version, status: AgentState.shape.status });

export interface KnownAsk {
  readonly askHash: string;
  readonly reservationId: string;
}

export class AgentTables {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(`
      CREATE TABLE IF NOT EXISTS agent (
        id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL, status TEXT NOT NULL
      ) STRICT;
      CREATE TABLE IF NOT EXISTS numbers (id INTEGER PRIMARY KEY CHECK (id = 1), n INTEGER NOT NULL) STRICT;
      CREATE TABLE IF NOT EXISTS asks (
        request_id TEXT PRIMARY KEY, ask_hash TEXT NOT NULL, reservation_id TEXT NOT NULL, charged_at INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID;
    `);
  }

  /** Persisted in the commit of the call that uses it: a restart neither repeats nor skips one. */
  takeNumber(): number {
    return this.#sql
      .exec<{ n: number }>(
        "INSERT INTO numbers (id, n) VALUES (1, 1) ON CONFLICT DO UPDATE SET n = n + 1 RETURNING n",
      )
      .one().n;
  }

  standing(): AgentStanding | null {
    const row = this.#sql.exec("SELECT version, status FROM agent").toArray()[0];
    return row === undefined ? null : StandingRow.parse(row);
  }

  putStanding({ version, status }: AgentStanding): void {
    this.#sql.exec(
      `INSERT INTO agent (id, version, status) VALUES (1, ?, ?)
       ON CONFLICT DO UPDATE SET version = excluded.version, status = excluded.status`,
      version,
      status,
    );
  }

  knownAsk(requestId: string, nowMs: number): KnownAsk | null {
    const row = this.#sql
      .exec<{ ask_hash: string; reservation_id: string }>(
        "SELECT ask_hash, reservation_id FROM asks WHERE request_id = ? AND charged_at > ?",
        requestId,
        nowMs - IDEMPOTENCY_MS,
      )
      .toArray()[0];
    return row === undefined ? null : { askHash: row.ask_hash, reservationId: row.reservation_id };
  }

  /** Only a charge has a key; one that has lapsed and is not purged yet gives way. */
  putAsk(requestId: string, ask: KnownAsk, nowMs: number): void {
    this.#sql.exec(
      "INSERT OR REPLACE INTO asks (request_id, ask_hash, reservation_id, charged_at) VALUES (?, ?, ?, ?)",
      requestId,
      ask.askHash,
      ask.reservationId,
      nowMs,
    );
  }

  purgeAsks(nowMs: number): void {
    this.#sql.exec("DELETE FROM asks WHERE charged_at <= ?", nowMs - IDEMPOTENCY_MS);
  }

  nextDeadlineMs(): number | null {
    const { value } = this.#sql
      .exec<{ value: number | null }>("SELECT min(charged_at) AS value FROM asks")
      .one();
    return value === null ? null : value + IDEMPOTENCY_MS;
  }
}
