/**
 * The tables both kinds of ledger have: counters and reservations. All methods are synchronous; callers put them into
 * one `transactionSync` with everything else a call changes.
 */
import type * as z from "zod";
import { RESERVATION_MEMORY_MS } from "../kernel/limits.ts";
import type { CounterMove, ReadTotal } from "./counters.ts";
import { earliest } from "./deadlines.object.ts";
import type { ReservationState } from "./settlement.ts";
import { bucketEndMs, bucketOf } from "./windows.ts";

interface StoredReservation {
  readonly reservationId: string;
  readonly state: ReservationState;
  readonly expiresAtMs: number;
  readonly endedAtMs: number | null;
}

/** Bounds one commit; what is left is due at once again. */
const EXPIRE_AT_ONCE = 100;

export class LedgerTables<R extends StoredReservation> {
  readonly #sql: SqlStorage;
  readonly #schema: z.ZodType<R>;

  constructor(sql: SqlStorage, schema: z.ZodType<R>) {
    this.#sql = sql;
    this.#schema = schema;
    // The checks turn a miscount into a failed call, which fails closed.
    sql.exec(`
      CREATE TABLE IF NOT EXISTS counters (
        name TEXT NOT NULL, bucket INTEGER NOT NULL,
        settled INTEGER NOT NULL CHECK (settled >= 0), reserved INTEGER NOT NULL CHECK (reserved >= 0),
        PRIMARY KEY (name, bucket)
      ) STRICT, WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS reservations (
        id TEXT PRIMARY KEY, state TEXT NOT NULL, reserved_in INTEGER NOT NULL,
        expires_at INTEGER NOT NULL, ended_at INTEGER, document TEXT NOT NULL
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX IF NOT EXISTS reservations_live ON reservations (expires_at) WHERE ended_at IS NULL;
      CREATE INDEX IF NOT EXISTS reservations_ended ON reservations (ended_at) WHERE ended_at IS NOT NULL;
    `);
  }

  readonly total: ReadTotal = (counter, bucket) =>
    this.#sql
      .exec<{ settled: number; reserved: number }>(
        "SELECT settled, reserved FROM counters WHERE name = ? AND bucket = ?",
        counter,
        bucket,
      )
      .toArray()[0] ?? { settled: 0, reserved: 0 };

  /** For moves that reserve: makes the counters they need. */
  reserve(moves: readonly CounterMove[]): void {
    for (const { counter, bucket, settled, reserved } of moves) {
      this.#sql.exec(
        `INSERT INTO counters (name, bucket, settled, reserved) VALUES (?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET settled = settled + excluded.settled, reserved = reserved + excluded.reserved`,
        counter,
        bucket,
        settled,
        reserved,
      );
    }
  }

  /** For moves that end something: a counter that is purged by now counts for nothing any more. */
  move(moves: readonly CounterMove[]): void {
    for (const { counter, bucket, settled, reserved } of moves) {
      this.#sql.exec(
        "UPDATE counters SET settled = settled + ?, reserved = reserved + ? WHERE name = ? AND bucket = ?",
        settled,
        reserved,
        counter,
        bucket,
      );
    }
  }

  find(id: string): R | null {
    const rows = this.#sql.exec<{ document: string }>("SELECT document FROM reservations WHERE id = ?", id);
    const row = rows.toArray()[0];
    return row === undefined ? null : this.#schema.parse(JSON.parse(row.document));
  }

  /** @param nowMs places a new reservation in its bucket; an existing one stays where it was reserved. */
  put(reservation: R, nowMs: number): void {
    const { reservationId, state, expiresAtMs, endedAtMs } = reservation;
    this.#sql.exec(
      `INSERT INTO reservations (id, state, reserved_in, expires_at, ended_at, document) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET state = excluded.state, expires_at = excluded.expires_at,
         ended_at = excluded.ended_at, document = excluded.document`,
      reservationId,
      state,
      bucketOf("day", nowMs),
      expiresAtMs,
      endedAtMs,
      JSON.stringify(reservation),
    );
  }

  remove(id: string): void {
    this.#sql.exec("DELETE FROM reservations WHERE id = ?", id);
  }

  overdue(nowMs: number): R[] {
    return this.#documents(
      "SELECT document FROM reservations WHERE ended_at IS NULL AND state = 'open' AND expires_at <= ? ORDER BY expires_at LIMIT ?",
      nowMs,
      EXPIRE_AT_ONCE,
    );
  }

  tentative(): R[] {
    return this.#documents(
      "SELECT document FROM reservations WHERE ended_at IS NULL AND state = 'tentative'",
    );
  }

  /** Ended windows are kept for a while, so that a clock that steps back a little does not start them again at zero. */
  purge(nowMs: number): void {
    this.#sql.exec("DELETE FROM reservations WHERE ended_at <= ?", nowMs - RESERVATION_MEMORY_MS);
    const ended = bucketOf("day", nowMs - RESERVATION_MEMORY_MS);
    this.#sql.exec("DELETE FROM counters WHERE bucket < ?", Math.min(ended, this.#oldestLive() ?? ended));
  }

  nextDeadlineMs(): number | null {
    const expiry = this.#number(
      "SELECT min(expires_at) AS value FROM reservations WHERE ended_at IS NULL AND state = 'open'",
    );
    const ended = this.#number("SELECT min(ended_at) AS value FROM reservations WHERE ended_at IS NOT NULL");
    const oldest = this.#number("SELECT min(bucket) AS value FROM counters");
    const oldestLive = this.#oldestLive();
    // A counter that a live reservation still needs is purged after that has ended, which is a deadline of its own.
    const isPurgeable = oldest !== null && (oldestLive === null || oldest < oldestLive);
    return earliest(
      expiry,
      ended === null ? null : ended + RESERVATION_MEMORY_MS,
      isPurgeable ? bucketEndMs("day", oldest) + RESERVATION_MEMORY_MS : null,
    );
  }

  #oldestLive(): number | null {
    return this.#number("SELECT min(reserved_in) AS value FROM reservations WHERE ended_at IS NULL");
  }

  #documents(query: string, ...bindings: readonly number[]): R[] {
    const rows = this.#sql.exec<{ document: string }>(query, ...bindings).toArray();
    return rows.map(({ document }) => this.#schema.parse(JSON.parse(document)));
  }

  #number(query: string): number | null {
    return this.#sql.exec<{ value: number | null }>(query).one().value;
  }
}
