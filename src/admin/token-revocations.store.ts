/**
 * Revocations of tokens, in the database of the agent's home. A revocation commits here first, then goes to the agent's
 * own ledger, which is what calls are held against; what that has not acknowledged is told again by the schedule.
 */
import * as z from "zod";
import { asked, askedToWrite } from "../kernel/asked.ts";
import { AgentId, TenantId, TokenId } from "../kernel/ids.ts";
import { ok, type Result } from "../kernel/result.ts";
import { Timestamp, timestampOf } from "../kernel/timestamp.ts";
import type { AgentAddress } from "../quota/ledgers.ts";
import type { Home } from "../residency/home.ts";
import type { Databases } from "./databases.ts";

/** In place of a token's id: all that were issued before a moment. */
const ALL_TOKENS = "";

const COLUMNS = "agent_id, token_id, tenant_id, not_before, ends_at";

export const revocationStatements = {
  // Of two moments the later one stops what the earlier one does.
  put: `INSERT INTO token_revocations (${COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5)
    ON CONFLICT (agent_id, token_id) DO UPDATE SET acknowledged = 0,
      not_before = max(not_before, excluded.not_before), ends_at = max(ends_at, excluded.ends_at)`,
  // One that was put again meanwhile stays to be told.
  acknowledge: `UPDATE token_revocations SET acknowledged = 1
    WHERE agent_id = ?1 AND token_id = ?2 AND not_before IS ?3 AND ends_at = ?4`,
  unacknowledged: `SELECT ${COLUMNS} FROM token_revocations INDEXED BY token_revocations_unacknowledged
    WHERE acknowledged = 0 AND (agent_id, token_id) > (?1, ?2) ORDER BY agent_id, token_id LIMIT ?3`,
  ofAgent: `SELECT token_id, not_before FROM token_revocations
    WHERE agent_id = ?1 AND token_id IN (SELECT value FROM json_each(?2))
    UNION ALL SELECT '${ALL_TOKENS}', not_before FROM token_epochs WHERE tenant_id = ?3`,
  forget: "DELETE FROM token_revocations WHERE ends_at < ?1",
  putEpoch: `INSERT INTO token_epochs (tenant_id, not_before) VALUES (?1, ?2)
    ON CONFLICT (tenant_id) DO UPDATE SET not_before = max(not_before, excluded.not_before)`,
} as const;

const RevocationRow = z.object({
  agent_id: AgentId,
  token_id: z.union([z.literal(ALL_TOKENS), TokenId]),
  tenant_id: TenantId,
  not_before: Timestamp.nullable(),
  ends_at: Timestamp,
});
const RevokedRow = RevocationRow.pick({ token_id: true, not_before: true });

export interface TokenRevocation extends AgentAddress {
  /** The first of a chain, which stops with it. Null = all that were issued before `notBefore`. */
  readonly tokenId: TokenId | null;
  readonly notBefore: Timestamp | null;
  /** The last moment at which a token that this stops could still be valid. */
  readonly endsAt: Timestamp;
}

/** What was revoked of one agent's tokens. */
export interface AgentRevocations {
  readonly tokenIds: ReadonlySet<TokenId>;
  /** Of the agent, or of its whole tenant; the later one. */
  readonly notBefore: Timestamp | null;
}

export interface TokenRevocationStore {
  /** @param companions commit with it or not at all. */
  put(revocation: TokenRevocation, companions: readonly D1PreparedStatement[]): Promise<Result<null>>;
  acknowledge(revocation: TokenRevocation): Promise<Result<null>>;
  unacknowledged(
    home: Home,
    after: TokenRevocation | null,
    limit: number,
  ): Promise<Result<readonly TokenRevocation[]>>;
  /** @param tokenIds whether these were revoked by themselves is told; of others it is not. */
  ofAgent(address: AgentAddress, tokenIds: readonly TokenId[]): Promise<Result<AgentRevocations>>;
  /** For a revisioned write of the tenant. */
  putEpoch(home: Home, tenantId: TenantId, notBefore: Timestamp): D1PreparedStatement;
  /** What can stop no token any more. */
  forget(home: Home, nowMs: number): Promise<Result<null>>;
}

export function createTokenRevocationStore(databases: Databases): TokenRevocationStore {
  const prepare = (home: Home, sql: string) => databases.ofHome(home).prepare(sql);

  return {
    async put({ home, agentId, tokenId, tenantId, notBefore, endsAt }, companions) {
      const row = prepare(home, revocationStatements.put).bind(
        agentId,
        tokenId ?? ALL_TOKENS,
        tenantId,
        notBefore,
        endsAt,
      );
      const stored = await askedToWrite(() => databases.ofHome(home).batch([row, ...companions]));
      return stored.ok ? ok(null) : stored;
    },

    async acknowledge({ home, agentId, tokenId, notBefore, endsAt }) {
      const statement = prepare(home, revocationStatements.acknowledge);
      const run = await asked(() => statement.bind(agentId, tokenId ?? ALL_TOKENS, notBefore, endsAt).run());
      return run.ok ? ok(null) : run;
    },

    async unacknowledged(home, after, limit) {
      const statement = prepare(home, revocationStatements.unacknowledged);
      const from = [after?.agentId ?? "", after?.tokenId ?? ALL_TOKENS];
      const rows = await asked(() => statement.bind(...from, limit).all());
      return rows.ok ? ok(rows.value.results.map((row) => revocationOf(row, home))) : rows;
    },

    async ofAgent({ home, tenantId, agentId }, tokenIds) {
      const ids = JSON.stringify([ALL_TOKENS, ...tokenIds]);
      const statement = prepare(home, revocationStatements.ofAgent).bind(agentId, ids, tenantId);
      const rows = await asked(() => statement.all());
      if (!rows.ok) return rows;
      const revoked = rows.value.results.map((row) => RevokedRow.parse(row));
      return ok({
        tokenIds: new Set(revoked.flatMap(({ token_id }) => (token_id === ALL_TOKENS ? [] : token_id))),
        // They have one fixed form, so text order is time order.
        notBefore:
          revoked
            .flatMap(({ not_before }) => not_before ?? [])
            .toSorted()
            .at(-1) ?? null,
      });
    },

    putEpoch: (home, tenantId, notBefore) =>
      prepare(home, revocationStatements.putEpoch).bind(tenantId, notBefore),

    async forget(home, nowMs) {
      const run = await asked(() =>
        prepare(home, revocationStatements.forget).bind(timestampOf(nowMs)).run(),
      );
      return run.ok ? ok(null) : run;
    },
  };
}

function revocationOf(row: unknown, home: Home): TokenRevocation {
  const { agent_id, token_id, tenant_id, not_before, ends_at } = RevocationRow.parse(row);
  return {
    home,
    tenantId: tenant_id,
    agentId: agent_id,
    tokenId: token_id === ALL_TOKENS ? null : token_id,
    notBefore: not_before,
    endsAt: ends_at,
  };
}
