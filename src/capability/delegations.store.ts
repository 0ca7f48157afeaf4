/**
 * Delegations, in the database of their tenant's home. Whether the sub-agent is active is asked in the statement that
 * keeps the row, with its key read in the same transaction. Its end, or another key, commits with the revocations of what it
 * acts with: so no token of a disabled one is left out, and none that is bound to a key that it no longer has.
 */
import * as z from "zod";
import { asked, askedToWrite } from "../kernel/asked.ts";
import { AgentId, TokenId } from "../kernel/ids.ts";
import { refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { Timestamp, timestampOf } from "../kernel/timestamp.ts";
import { MAX_LIVE_DELEGATIONS } from "../kernel/token-limits.ts";
import type { Home } from "../residency/home.ts";
import type { DelegationDesk, KeptDelegation } from "./delegations.ts";
import { HolderKey } from "./holder-key.ts";

export const delegationStatements = {
  keep: `INSERT INTO delegations (actor_id, token_id, agent_id, tenant_id, ends_at)
    SELECT ?1, ?2, ?3, ?4, ?5 FROM agents WHERE id = ?1 AND tenant_id = ?4 AND status = 'active'
    AND (SELECT count(*) FROM delegations WHERE actor_id = ?1 AND ends_at > ?6) < ${MAX_LIVE_DELEGATIONS}`,
  actor: "SELECT status, public_key FROM agents WHERE id = ?1 AND tenant_id = ?2",
  revoke: `INSERT INTO token_revocations (agent_id, token_id, tenant_id, ends_at)
    SELECT agent_id, token_id, tenant_id, ends_at FROM delegations WHERE actor_id = ?1 AND ends_at <= ?2
    ON CONFLICT (agent_id, token_id) DO UPDATE SET acknowledged = 0, ends_at = max(ends_at, excluded.ends_at)`,
  untold: `SELECT revoked.agent_id, revoked.token_id, revoked.ends_at
    FROM delegations AS ours JOIN token_revocations AS revoked
    ON revoked.agent_id = ours.agent_id AND revoked.token_id = ours.token_id
    WHERE ours.actor_id = ?1 AND revoked.acknowledged = 0`,
  acknowledge: `UPDATE token_revocations SET acknowledged = 1
    WHERE agent_id = ?1 AND token_id IN (SELECT value FROM json_each(?2))`,
  forget: "DELETE FROM delegations WHERE ends_at < ?1",
} as const;

/** Later than any token's end. */
const END_OF_TIME = timestampOf(Date.UTC(9999, 11, 31));

const RevokedRow = z.object({ agent_id: AgentId, token_id: TokenId, ends_at: Timestamp });
const ActorRow = z.object({
  status: z.enum(["active", "disabled", "deleted"]),
  public_key: z.string().nullable(),
});

export type RevokedDelegation = Pick<KeptDelegation, "agentId" | "tokenId" | "endsAt">;

export interface DelegationStore extends DelegationDesk {
  /** For the batch that ends a sub-agent or changes its key: revokes whatever it acts with. */
  revocation(home: Home, actorId: AgentId, endsAtLatest?: Timestamp): D1PreparedStatement;
  /** Of these revocations, those that no ledger has acknowledged. */
  untold(home: Home, actorId: AgentId): Promise<Result<readonly RevokedDelegation[]>>;
  acknowledge(home: Home, agentId: AgentId, tokenIds: readonly TokenId[]): Promise<Result<unknown>>;
  /** Those whose token has ended. */
  forget(home: Home, nowMs: number): Promise<Result<unknown>>;
}

export function createDelegationStore({
  dbOf,
}: {
  readonly dbOf: (home: Home) => D1Database;
}): DelegationStore {
  const prepare = (home: Home, sql: string) => dbOf(home).prepare(sql);

  return {
    async keep({ home, tenantId, actorId, agentId, tokenId, endsAt }, nowMs) {
      const row = [actorId, tokenId, agentId, tenantId, endsAt, timestampOf(nowMs)];
      const kept = await askedToWrite(() =>
        dbOf(home).batch([
          prepare(home, delegationStatements.keep).bind(...row),
          prepare(home, delegationStatements.actor).bind(actorId, tenantId),
        ]),
      );
      if (!kept.ok) return kept;
      const [inserted, found] = kept.value;
      const actor = found?.results[0];
      return inserted?.meta.changes === 1 ? ok(keyOf(actor)) : fail(whyNot(actor));
    },

    revocation: (home, actorId, endsAtLatest = END_OF_TIME) =>
      prepare(home, delegationStatements.revoke).bind(actorId, endsAtLatest),

    async untold(home, actorId) {
      const rows = await asked(() => prepare(home, delegationStatements.untold).bind(actorId).all());
      if (!rows.ok) return rows;
      return ok(
        rows.value.results.map((row) => {
          const { agent_id, token_id, ends_at } = RevokedRow.parse(row);
          return { agentId: agent_id, tokenId: token_id, endsAt: ends_at };
        }),
      );
    },

    acknowledge(home, agentId, tokenIds) {
      const statement = prepare(home, delegationStatements.acknowledge);
      return asked(() => statement.bind(agentId, JSON.stringify(tokenIds)).run());
    },

    forget: (home, nowMs) =>
      asked(() => prepare(home, delegationStatements.forget).bind(timestampOf(nowMs)).run()),
  };
}

function keyOf(row: unknown): HolderKey | null {
  const { public_key } = ActorRow.parse(row);
  return public_key === null ? null : HolderKey.parse(JSON.parse(public_key));
}

function whyNot(row: unknown) {
  const agent = ActorRow.safeParse(row);
  const field = "actor";
  if (!agent.success || agent.data.status === "deleted")
    return refuse("not_found", { field, message: "There is no such agent." });
  if (agent.data.status === "disabled")
    return refuse("agent_disabled", { field, message: "The sub-agent is disabled." });
  return refuse("delegations_exhausted", { field });
}
