/** The stored approvals of an agent's ledger. Lapsed ones are kept for a while and purged by the alarm. */
import { APPROVAL_GRACE_MS } from "../kernel/limits.ts";
import { AgentApproval } from "./agent-approvals.ts";

type Row = { readonly document: string };

export class ApprovalTable {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(`
      CREATE TABLE IF NOT EXISTS approvals (
        id TEXT PRIMARY KEY, request_hash TEXT NOT NULL, state TEXT NOT NULL, expires_at INTEGER NOT NULL,
        document TEXT NOT NULL
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX IF NOT EXISTS approvals_by_request ON approvals (request_hash);
      CREATE INDEX IF NOT EXISTS approvals_by_end ON approvals (expires_at);
    `);
  }

  put(approval: AgentApproval): void {
    this.#sql.exec(
      `INSERT OR REPLACE INTO approvals (id, request_hash, state, expires_at, document) VALUES (?1, ?2, ?3, ?4, ?5)`,
      approval.approvalId,
      approval.requestHash,
      approval.state,
      approval.expiresAtMs,
      JSON.stringify(approval),
    );
  }

  find(id: string): AgentApproval | null {
    return this.#read("SELECT document FROM approvals WHERE id = ?1", id)[0] ?? null;
  }

  of(requestHash: string): readonly AgentApproval[] {
    return this.#read("SELECT document FROM approvals WHERE request_hash = ?1", requestHash);
  }

  pending(nowMs: number): number {
    const query = "SELECT count(*) AS count FROM approvals WHERE state = 'pending' AND expires_at > ?1";
    return this.#sql.exec<{ count: number }>(query, nowMs).one().count;
  }

  purge(nowMs: number): void {
    this.#sql.exec("DELETE FROM approvals WHERE expires_at <= ?1", nowMs - APPROVAL_GRACE_MS);
  }

  purgeDueMs(): number | null {
    const { next } = this.#sql
      .exec<{ next: number | null }>("SELECT min(expires_at) AS next FROM approvals")
      .one();
    return next === null ? null : next + APPROVAL_GRACE_MS;
  }

  #read(query: string, value: string): readonly AgentApproval[] {
    return this.#sql
      .exec<Row>(query, value)
      .toArray()
      .map(({ document }) => AgentApproval.parse(JSON.parse(document)));
  }
}
