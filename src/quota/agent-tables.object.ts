/**
 * The tables of an agent's ledger. All methods are synchronous; the object puts each step into one `transactionSync`,
 * so a step is stored whole or not at all.
 */
import * as z from "zod";
import type { AuditRecord } from "../audit/audit-record.ts";
import { MINUTE_MS } from "../kernel/clock.ts";
import { AgentId, TenantId, TokenId } from "../kernel/ids.ts";
import { RESERVATION_MEMORY_MS } from "../kernel/limits.ts";
import { Home } from "../residency/home.ts";
import { AgentReservation } from "./agent-reservation.ts";
import type { AgentIdentity, AgentStanding } from "./agent-standing.ts";
import type { AgentStore, KnownAsk, SavedLedger } from "./agent-store.ts";
import { ApprovalTable } from "./approval-table.object.ts";
import { AgentState } from "./contracts.ts";
import { CounterTable } from "./counter-table.object.ts";
import { earliest } from "./earliest.ts";
import { type KeptSettlement, settlementKey } from "./kept-settlement.ts";
import { Outbox } from "./outbox.object.ts";
import type { NumberBlock } from "./record-numbers.ts";
import { RefreshedToken } from "./refreshed-tokens.ts";
import { KEPT_AFTER_EXPIRY_MS, type SavedRevocations } from "./revoked-tokens.ts";
import { StoredObjectTable } from "./stored-object-table.object.ts";

/** How long `/v1/enforce` is idempotent on a request id (DESIGN section 7). */
const IDEMPOTENCY_MS = 10 * MINUTE_MS;

const AgentRow = z.object({
  version: AgentState.shape.version,
  status: AgentState.shape.status,
  home: Home,
  tenantId: TenantId,
  agentId: AgentId,
});

const RevokedRow = z.object({ tokenId: TokenId, expiresAtMs: z.int() });

export class AgentTables implements AgentStore {
  readonly outbox: Outbox;
  readonly #sql: SqlStorage;
  readonly #counters: CounterTable;
  readonly #approvals: ApprovalTable;
  readonly #objects: StoredObjectTable;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    this.outbox = new Outbox(sql);
    this.#counters = new CounterTable(sql);
    this.#approvals = new ApprovalTable(sql);
    this.#objects = new StoredObjectTable(sql);
    sql.exec(`
      CREATE TABLE IF NOT EXISTS agent (
        id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL, status TEXT NOT NULL
      ) STRICT;
      CREATE TABLE IF NOT EXISTS identity (
        id INTEGER PRIMARY KEY CHECK (id = 1), home TEXT NOT NULL, tenant_id TEXT NOT NULL, agent_id TEXT NOT NULL
      ) STRICT;
      CREATE TABLE IF NOT EXISTS numbers (id INTEGER PRIMARY KEY CHECK (id = 1), n INTEGER NOT NULL) STRICT;
      CREATE TABLE IF NOT EXISTS number_block (
        id INTEGER PRIMARY KEY CHECK (id = 1), given INTEGER NOT NULL, until INTEGER NOT NULL
      ) STRICT;
      INSERT INTO number_block (id, given, until) SELECT id, n, n FROM numbers WHERE true ON CONFLICT DO NOTHING;
      CREATE TABLE IF NOT EXISTS asks (
        request_id TEXT PRIMARY KEY, ask_hash TEXT NOT NULL, reservation_id TEXT NOT NULL, charged_at INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS open_reservations (id TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT, WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS ended_reservations (
        id TEXT PRIMARY KEY, ended_at INTEGER NOT NULL, document TEXT NOT NULL
      ) STRICT, WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS revoked_tokens (id TEXT PRIMARY KEY, expires_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS tokens_not_before (id INTEGER PRIMARY KEY CHECK (id = 1), at INTEGER NOT NULL) STRICT;
      CREATE TABLE IF NOT EXISTS refreshed_tokens (
        id TEXT PRIMARY KEY, expires_at INTEGER NOT NULL, document TEXT NOT NULL
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX IF NOT EXISTS refreshed_tokens_by_end ON refreshed_tokens (expires_at);
      CREATE TABLE IF NOT EXISTS proof_horizon (id INTEGER PRIMARY KEY CHECK (id = 1), at INTEGER NOT NULL) STRICT;
      CREATE INDEX IF NOT EXISTS reservations_by_end ON ended_reservations (ended_at);
    `);
  }

  load(): SavedLedger {
    const open = this.#sql.exec<{ document: string }>("SELECT document FROM open_reservations").toArray();
    const block = this.#sql
      .exec<{ given: number; until: number }>("SELECT given, until FROM number_block WHERE id = 1")
      .toArray()[0];
    const agent = this.#sql
      .exec(
        `SELECT version, status, home, tenant_id AS tenantId, agent_id AS agentId
         FROM agent JOIN identity USING (id) WHERE id = 1`,
      )
      .toArray()[0];
    return {
      counters: this.#counters.rows(),
      open: open.map(({ document }) => reservationOf(document)),
      numbers: block ?? { given: 0, until: 0 },
      agent: agent === undefined ? null : AgentRow.parse(agent),
      revocations: this.#revocations(),
      refreshed: this.#sql
        .exec<{ document: string }>("SELECT document FROM refreshed_tokens")
        .toArray()
        .map(({ document }) => RefreshedToken.parse(JSON.parse(document))),
      proofHorizonSeconds: this.#number("SELECT at AS value FROM proof_horizon WHERE id = 1") ?? 0,
    };
  }

  putCounters: AgentStore["putCounters"] = (rows) => this.#counters.put(rows);

  putReservation(reservation: AgentReservation): void {
    const { reservationId, endedAtMs } = reservation;
    const document = JSON.stringify(reservation);
    if (endedAtMs === null) {
      this.#sql.exec(
        "INSERT OR REPLACE INTO open_reservations (id, document) VALUES (?1, ?2)",
        reservationId,
        document,
      );
      return;
    }
    this.removeReservation(reservationId);
    this.#sql.exec(
      "INSERT OR REPLACE INTO ended_reservations (id, ended_at, document) VALUES (?1, ?2, ?3)",
      reservationId,
      endedAtMs,
      document,
    );
  }

  removeReservation(reservationId: string): void {
    this.#sql.exec("DELETE FROM open_reservations WHERE id = ?1", reservationId);
  }

  findReservation(reservationId: string): AgentReservation | null {
    const row = this.#sql
      .exec<{ document: string }>(
        `SELECT document FROM open_reservations WHERE id = ?1
         UNION ALL SELECT document FROM ended_reservations WHERE id = ?1`,
        reservationId,
      )
      .toArray()[0];
    return row === undefined ? null : reservationOf(row.document);
  }

  putNumbers({ given, until }: NumberBlock): void {
    this.#sql.exec(
      `INSERT INTO number_block (id, given, until) VALUES (1, ?1, ?2)
       ON CONFLICT DO UPDATE SET given = excluded.given, until = excluded.until`,
      given,
      until,
    );
  }

  putAgent({ version, status, home, tenantId, agentId }: AgentIdentity & AgentStanding): void {
    this.#sql.exec(
      `INSERT INTO agent (id, version, status) VALUES (1, ?1, ?2)
       ON CONFLICT DO UPDATE SET version = excluded.version, status = excluded.status`,
      version,
      status,
    );
    this.#sql.exec(
      "INSERT INTO identity (id, home, tenant_id, agent_id) VALUES (1, ?1, ?2, ?3) ON CONFLICT DO NOTHING",
      home,
      tenantId,
      agentId,
    );
  }

  putRevocations({ tokens, notBeforeMs }: SavedRevocations): void {
    this.#sql.exec("DELETE FROM revoked_tokens");
    for (const { tokenId, expiresAtMs } of tokens)
      this.#sql.exec("INSERT INTO revoked_tokens (id, expires_at) VALUES (?1, ?2)", tokenId, expiresAtMs);
    this.#sql.exec("INSERT OR REPLACE INTO tokens_not_before (id, at) VALUES (1, ?1)", notBeforeMs);
  }

  putRefreshed(refreshed: RefreshedToken): void {
    this.#sql.exec(
      "INSERT OR REPLACE INTO refreshed_tokens (id, expires_at, document) VALUES (?1, ?2, ?3)",
      refreshed.tokenId,
      refreshed.expiresAtMs,
      JSON.stringify(refreshed),
    );
  }

  putProofHorizon(seconds: number): void {
    this.#sql.exec("INSERT OR REPLACE INTO proof_horizon (id, at) VALUES (1, ?1)", seconds);
  }

  knownAsk(requestId: string, nowMs: number): KnownAsk | null {
    const row = this.#sql
      .exec<{ ask_hash: string; reservation_id: string }>(
        "SELECT ask_hash, reservation_id FROM asks WHERE request_id = ?1 AND charged_at > ?2",
        requestId,
        nowMs - IDEMPOTENCY_MS,
      )
      .toArray()[0];
    return row === undefined ? null : { askHash: row.ask_hash, reservationId: row.reservation_id };
  }

  /** Only a charge has a key; one that has lapsed and is not purged yet gives way. */
  putAsk(requestId: string, ask: KnownAsk, nowMs: number): void {
    this.#sql.exec(
      "INSERT OR REPLACE INTO asks (request_id, ask_hash, reservation_id, charged_at) VALUES (?1, ?2, ?3, ?4)",
      requestId,
      ask.askHash,
      ask.reservationId,
      nowMs,
    );
  }

  putApproval: AgentStore["putApproval"] = (approval) => this.#approvals.put(approval);
  findApproval: AgentStore["findApproval"] = (approvalId) => this.#approvals.find(approvalId);
  approvalsOf: AgentStore["approvalsOf"] = (requestHash) => this.#approvals.of(requestHash);
  pendingApprovals: AgentStore["pendingApprovals"] = (nowMs) => this.#approvals.pending(nowMs);

  putStoredObject: AgentStore["putStoredObject"] = (kept) => this.#objects.put(kept);
  findStoredObject: AgentStore["findStoredObject"] = (key, nowMs) => this.#objects.find(key, nowMs);
  removeStoredObject: AgentStore["removeStoredObject"] = (key) => this.#objects.remove(key);

  keepRecord(record: AuditRecord, dueAtMs: number): void {
    const key = `record/${record.source}/${record.n}`;
    this.outbox.put({ key, kind: "record", body: JSON.stringify(record) }, dueAtMs);
  }

  keepSettlement(kept: KeptSettlement, dueAtMs: number): void {
    const body = JSON.stringify(kept);
    this.outbox.put({ key: settlementKey(kept), kind: "tenant_settle", body }, dueAtMs);
  }

  purge(nowMs: number): void {
    this.#counters.purge(nowMs);
    this.#approvals.purge(nowMs);
    this.#objects.purge(nowMs);
    this.#sql.exec("DELETE FROM asks WHERE charged_at <= ?1", nowMs - IDEMPOTENCY_MS);
    this.#sql.exec("DELETE FROM refreshed_tokens WHERE expires_at <= ?1", nowMs - KEPT_AFTER_EXPIRY_MS);
    this.#sql.exec("DELETE FROM ended_reservations WHERE ended_at <= ?1", nowMs - RESERVATION_MEMORY_MS);
  }

  nextDeadlineMs(): number | null {
    const ask = this.#number("SELECT min(charged_at) AS value FROM asks");
    const refreshed = this.#number("SELECT min(expires_at) AS value FROM refreshed_tokens");
    const ended = this.#number("SELECT min(ended_at) AS value FROM ended_reservations");
    return earliest(
      this.outbox.nextDeadlineMs(),
      this.#counters.purgeDueMs(),
      this.#approvals.purgeDueMs(),
      this.#objects.purgeDueMs(),
      ask === null ? null : ask + IDEMPOTENCY_MS,
      refreshed === null ? null : refreshed + KEPT_AFTER_EXPIRY_MS,
      ended === null ? null : ended + RESERVATION_MEMORY_MS,
    );
  }

  #revocations(): SavedRevocations {
    const tokens = this.#sql
      .exec("SELECT id AS tokenId, expires_at AS expiresAtMs FROM revoked_tokens")
      .toArray();
    const notBefore = this.#sql
      .exec<{ at: number }>("SELECT at FROM tokens_not_before WHERE id = 1")
      .toArray()[0];
    return { tokens: tokens.map((row) => RevokedRow.parse(row)), notBeforeMs: notBefore?.at ?? 0 };
  }

  #number(query: string): number | null {
    return this.#sql.exec<{ value: number | null }>(query).toArray()[0]?.value ?? null;
  }
}

const reservationOf = (document: string): AgentReservation => AgentReservation.parse(JSON.parse(document));
