/**
 * Writes to tenants: the document under a revision of the tenant, in its home; then the directory, before the
 * revision is published. A write that broke off in between is finished by the same write repeated.
 */
import type { TenantId } from "../kernel/ids.ts";
import { refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { timestampOf } from "../kernel/timestamp.ts";
import type { Tenant } from "../policy/tenant.ts";
import { configuredHome } from "../residency/configured-home.ts";
import type { Home } from "../residency/home.ts";
import type { ControlPlaneDeps } from "./control-plane-deps.ts";
import { checkIfMatch, type IfMatch } from "./if-match.ts";
import type { Caller } from "./operation.ts";
import type { Written } from "./revisioned-write.store.ts";
import { notFound } from "./tenant-access.ts";

type TenantWriterDeps = Pick<
  ControlPlaneDeps,
  | "agents"
  | "apiKeys"
  | "approvals"
  | "webhooks"
  | "clock"
  | "homes"
  | "policies"
  | "policyHistory"
  | "tenants"
  | "writer"
>;

export async function createTenant(
  deps: TenantWriterDeps,
  caller: Caller,
  tenant: Tenant,
): Promise<Result<Written<Tenant>>> {
  const { id, home } = tenant;
  // Before the home's ledger hears of it: nothing at all is written.
  const configured = configuredHome(deps.homes, home);
  if (!configured.ok) return configured;
  const taken = refuse("already_exists", { field: "id", message: `There is a tenant \`${id}\` already.` });
  return deps.writer.write({
    scope: id,
    home,
    caller,
    async plan() {
      const existing = await deps.tenants.find(id);
      if (!existing.ok) return existing;
      if (existing.value !== null) return fail(taken);
      const at = timestampOf(deps.clock());
      return ok({
        statements: [deps.tenants.put(tenant, at)],
        operation: "tenant.create",
        objectId: id,
        value: tenant,
        async afterCommit() {
          const added = await deps.tenants.addToDirectory(id, home, at);
          if (!added.ok) return added;
          // Another home's create of the same id was faster: its ledger knows nothing of ours.
          return added.value ? ok(null) : fail(taken);
        },
      });
    },
  });
}

export const replaceTenant = (
  deps: TenantWriterDeps,
  caller: Caller,
  tenant: Tenant,
  ifMatch: IfMatch,
): Promise<Result<Written<Tenant>>> =>
  deps.writer.write({
    scope: tenant.id,
    home: tenant.home,
    caller,
    async plan() {
      const existing = await deps.tenants.find(tenant.id);
      if (!existing.ok) return existing;
      if (existing.value === null) return fail(notFound("tenant"));
      const unmet = await checkIfMatch(ifMatch, existing.value);
      if (unmet !== null) return fail(unmet);
      const statements = [deps.tenants.put(tenant, timestampOf(deps.clock()))];
      return ok({ statements, operation: "tenant.update", objectId: tenant.id, value: tenant });
    },
  });

export async function deleteTenant(
  deps: TenantWriterDeps,
  caller: Caller,
  id: TenantId,
  ifMatch: IfMatch,
): Promise<Result<Written<null>>> {
  // The directory, not the document: a deletion that broke off left only the former.
  const home = await deps.tenants.homeOf(id);
  if (!home.ok) return home;
  if (home.value === null) return fail(notFound("tenant"));
  const configured = configuredHome(deps.homes, home.value);
  if (!configured.ok) return configured;
  const address = { scope: id, home: configured.value };
  return deps.writer.write({
    ...address,
    caller,
    async plan() {
      const unused = await checkUnused(deps, id, address.home);
      if (!unused.ok) return unused;
      const asSeen = await checkAsSeen(deps, id, ifMatch);
      if (!asSeen.ok) return asSeen;
      return ok({
        statements: [
          ...deps.tenants.delete(id, address.home),
          deps.policyHistory.remove(id, address.home),
          deps.approvals.remove(id, address.home),
          deps.webhooks.removeWith(id, address.home),
        ],
        operation: "tenant.delete",
        objectId: id,
        value: null,
        afterCommit: () => deps.tenants.removeFromDirectory(id),
      });
    },
  });
}

/** Without a precondition nothing is read: a deletion that broke off left no document to read. */
async function checkAsSeen(deps: TenantWriterDeps, id: TenantId, ifMatch: IfMatch): Promise<Result<null>> {
  if (ifMatch === null) return ok(null);
  const existing = await deps.tenants.find(id);
  if (!existing.ok) return existing;
  if (existing.value === null) return fail(notFound("tenant"));
  const unmet = await checkIfMatch(ifMatch, existing.value);
  return unmet === null ? ok(null) : fail(unmet);
}

/** Keys count: a tenant made anew under the same id must not be open to the old one's. */
async function checkUnused(deps: TenantWriterDeps, id: TenantId, home: Home): Promise<Result<null>> {
  const [agents, policies, keys] = await Promise.all([
    deps.agents.hasAny(id, home),
    deps.policies.hasAny({ scope: id, home }),
    deps.apiKeys.list({ tenantId: id, limit: 1 }),
  ]);
  if (!agents.ok) return agents;
  if (!policies.ok) return policies;
  if (!keys.ok) return keys;
  const owned = [
    ["agents", agents.value],
    ["policies", policies.value],
    ["API keys", keys.value.items.length > 0],
  ] as const;
  const left = owned.filter(([, any]) => any).map(([what]) => what);
  if (left.length === 0) return ok(null);
  return fail(refuse("in_use", { message: `The tenant still has ${left.join(" and ")}.` }));
}
