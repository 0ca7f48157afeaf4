/**
 * Which token was refreshed into which, in the database of the agent's home. The agent's ledger decides what a token opens;
 * this is for introspection, and for finding the chain that a token belongs to. It commits with its record, before the
 * ledger is asked: so no token is in use whose chain nobody could stop.
 */
import * as z from "zod";
import { controlSource, outboxStatement } from "../audit/outbox.store.ts";
import { asked, askedToWrite } from "../kernel/asked.ts";
import { type AgentId, type RequestId, type TenantId, TokenId } from "../kernel/ids.ts";
import { ok, type Result } from "../kernel/result.ts";
import { type Timestamp, timestampOf } from "../kernel/timestamp.ts";
import type { Home } from "../residency/home.ts";
import { changeRecordBy } from "./change-record.ts";
import type { Databases } from "./databases.ts";

export const refreshStatements = {
  // Asked for again, it is refreshed into the same one.
  note: `INSERT INTO token_refreshes (token_id, successor_id, root_id, agent_id, ends_at)
    VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (token_id) DO NOTHING`,
  rootOf: "SELECT root_id FROM token_refreshes WHERE successor_id = ?1 AND agent_id = ?2",
  isRefreshed: "SELECT 1 FROM token_refreshes WHERE token_id = ?1",
  forget: "DELETE FROM token_refreshes WHERE ends_at < ?1",
} as const;

const RootRow = z.object({ root_id: TokenId });

export interface NotedRefresh {
  readonly home: Home;
  readonly tenantId: TenantId;
  readonly agentId: AgentId;
  readonly tokenId: TokenId;
  readonly successorId: TokenId;
  readonly rootTokenId: TokenId;
  /** Of the chain. */
  readonly endsAt: Timestamp;
  readonly requestId: RequestId;
  readonly nowMs: number;
}

export interface TokenRefreshStore {
  note(refresh: NotedRefresh): Promise<Result<null>>;
  /** The first token of the chain that it belongs to: itself, unless it is one that another was refreshed into. */
  rootOf(home: Home, agentId: AgentId, tokenId: TokenId): Promise<Result<TokenId>>;
  isRefreshed(home: Home, tokenId: TokenId): Promise<Result<boolean>>;
  /** Chains that have ended. */
  forget(home: Home, nowMs: number): Promise<Result<null>>;
}

export function createTokenRefreshStore(databases: Databases): TokenRefreshStore {
  const prepare = (home: Home, sql: string) => databases.ofHome(home).prepare(sql);

  return {
    async note({ home, tenantId, agentId, tokenId, successorId, rootTokenId, endsAt, requestId, nowMs }) {
      const db = databases.ofHome(home);
      const row = prepare(home, refreshStatements.note).bind(
        tokenId,
        successorId,
        rootTokenId,
        agentId,
        endsAt,
      );
      const record = changeRecordBy(agentId, requestId, {
        scope: tenantId,
        home,
        operation: "token.refresh",
        objectId: successorId,
        revision: null,
        nowMs,
      });
      const stored = await askedToWrite(() =>
        db.batch([row, outboxStatement(db, controlSource(tenantId), record)]),
      );
      return stored.ok ? ok(null) : stored;
    },

    async rootOf(home, agentId, tokenId) {
      const row = await asked(() => prepare(home, refreshStatements.rootOf).bind(tokenId, agentId).first());
      if (!row.ok) return row;
      return ok(row.value === null ? tokenId : RootRow.parse(row.value).root_id);
    },

    async isRefreshed(home, tokenId) {
      const row = await asked(() => prepare(home, refreshStatements.isRefreshed).bind(tokenId).first());
      return row.ok ? ok(row.value !== null) : row;
    },

    async forget(home, nowMs) {
      const run = await asked(() => prepare(home, refreshStatements.forget).bind(timestampOf(nowMs)).run());
      return run.ok ? ok(null) : run;
    },
  };
}
