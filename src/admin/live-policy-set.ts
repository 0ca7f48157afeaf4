/**
 * What policies of a scope are judged with: the tenant, the platform's policies and the deployments, as they stand in the
 * databases at this moment, and not as some isolate remembers them.
 */
import { PLATFORM } from "../kernel/ids.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import type { PolicySet } from "../policy/as-code/policy-set.ts";
import { builtInDefaultTenant } from "../policy/default-tenant.ts";
import type { Policy, PolicyDocument } from "../policy/policy.ts";
import type { ScopeAddress } from "../quota/ledgers.ts";
import { PLATFORM_HOME } from "../residency/home.ts";
import type { ControlPlaneDeps } from "./control-plane-deps.ts";
import { notFound } from "./tenant-access.ts";

export type LiveSetDeps = Pick<ControlPlaneDeps, "policies" | "tenants" | "deployments">;

/** @param own the policies of the scope, which the caller has read. */
export async function livePolicySet(
  { policies, tenants, deployments }: LiveSetDeps,
  { scope }: ScopeAddress,
  own: readonly PolicyDocument[],
): Promise<Result<PolicySet>> {
  const registered = await deployments.all();
  if (!registered.ok) return registered;
  const rules = own.map(ruleOf);
  const shared = { scope, deployments: registered.value };
  if (scope === PLATFORM) {
    // Any tenant stands for all: only its own promise and limits would tell it apart.
    return ok({ ...shared, tenant: builtInDefaultTenant, policies: [], platformPolicies: rules });
  }
  const tenant = await tenants.find(scope);
  if (!tenant.ok) return tenant;
  if (tenant.value === null) return fail(notFound("tenant", "tenantId"));
  const platform = await policies.ofScope({ scope: PLATFORM, home: PLATFORM_HOME });
  if (!platform.ok) return platform;
  return ok({
    ...shared,
    tenant: tenant.value,
    policies: rules,
    platformPolicies: platform.value.map(ruleOf),
  });
}

/** Without what it carries. */
export const ruleOf = ({ tests: _tests, ...rule }: PolicyDocument): Policy => rule;
