/**
 * Revoking tokens: commit in D1, then the ledger that calls are held against, then answer (guarantee G3). All tokens of
 * a tenant are a write to the tenant's snapshot like any other: its revision reaches every ledger before the answer.
 */

import { asked } from "../kernel/asked.ts";
import { SECOND_MS } from "../kernel/clock.ts";
import type { TenantId, TokenId } from "../kernel/ids.ts";
import { refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import type { Timestamp } from "../kernel/timestamp.ts";
import type { Home } from "../residency/home.ts";
import type { ControlPlaneDeps } from "./control-plane-deps.ts";
import { endDelegations } from "./end-delegations.ts";
import type { Caller } from "./operation.ts";
import type { Written } from "./revisioned-write.store.ts";
import { tellRevocation } from "./tell-revocation.ts";
import { endOfTokensBefore } from "./token-ends.ts";
import type { TokenRevocation } from "./token-revocations.store.ts";

type RevokeDeps = Pick<
  ControlPlaneDeps,
  | "agentLedgers"
  | "background"
  | "changes"
  | "clock"
  | "delegations"
  | "deliverOutbox"
  | "tokenRevocations"
  | "writer"
>;

/** One token with its chain, or all of one agent that were issued before a moment. @param named for the record. */
export async function revokeOfAgent(
  deps: RevokeDeps,
  caller: Caller,
  revocation: TokenRevocation,
  named: TokenId | null,
): Promise<Result<null>> {
  const { home, tenantId, agentId, notBefore } = revocation;
  const record = deps.changes.statement({
    caller,
    scope: tenantId,
    home,
    operation: named === null ? "token.revoke_of_agent" : "token.revoke",
    objectId: named ?? agentId,
    revision: null,
    nowMs: deps.clock(),
  });
  // All of an agent is also what it acts with for others, of which only the end is kept.
  const ofOthers =
    notBefore === null ? [] : [deps.delegations.revocation(home, agentId, endOfTokensBefore(notBefore))];
  const committed = await deps.tokenRevocations.put(revocation, [...ofOthers, record]);
  if (!committed.ok) return committed;
  deps.background(asked(() => deps.deliverOutbox(tenantId, home)));
  const isTold = await tellRevocation(deps, revocation);
  if (isTold && (await endDelegations(deps, home, { id: agentId, tenantId }))) return ok(null);
  const message =
    "The revocation is committed, but the agent's ledger could not be reached; it will be repeated until it takes effect.";
  return fail(refuse("ledger_unavailable", { message }));
}

export const revokeOfTenant = (
  deps: RevokeDeps,
  caller: Caller,
  {
    tenantId,
    home,
    notBefore,
  }: { readonly tenantId: TenantId; readonly home: Home; readonly notBefore: Timestamp },
): Promise<Result<Written<null>>> =>
  deps.writer.write({
    scope: tenantId,
    home,
    caller,
    plan: async () =>
      ok({
        statements: [deps.tokenRevocations.putEpoch(home, tenantId, notBefore)],
        operation: "token.revoke_of_tenant",
        objectId: tenantId,
        value: null,
      }),
  });

/**
 * A token says the second of its issue, a revocation the millisecond: one that is issued in the second of a revocation,
 * after it, says the next second, or it would be revoked with the ones before it.
 */
export const issueMs = (nowMs: number, notBefore: Timestamp | null): number =>
  notBefore === null ? nowMs : Math.max(nowMs, Math.ceil(Date.parse(notBefore) / SECOND_MS) * SECOND_MS);
