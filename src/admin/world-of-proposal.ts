/**
 * What recorded decisions are decided under again: the proposed policies, and the platform, tenant and deployments as they
 * are. What was asked about content at the time is known of the policies that have not been written since.
 */
import type { World } from "../audit/redecide.ts";
import type { TenantId } from "../kernel/ids.ts";
import { PLATFORM } from "../kernel/ids.ts";
import { ok, type Result } from "../kernel/result.ts";
import type { Timestamp } from "../kernel/timestamp.ts";
import { asksForContent, knownDemand } from "../policy/known-demand.ts";
import type { Policy } from "../policy/policy.ts";
import type { Snapshot } from "../policy/snapshot.ts";
import { PLATFORM_HOME } from "../residency/home.ts";
import type { ControlPlaneDeps } from "./control-plane-deps.ts";
import { proposedPolicies } from "./proposed-policies.ts";
import type { Simulation } from "./simulation-descriptions.ts";
import type { AddressOf } from "./tenant-address.ts";
import { worldOf } from "./world-of-record.ts";

interface Proposal extends Pick<Simulation, "policies" | "changes">, Pick<AddressOf<TenantId>, "home"> {
  readonly tenantId: TenantId;
  readonly at: Timestamp;
}

export async function proposedWorld(
  deps: Pick<ControlPlaneDeps, "policiesAsTheyWere">,
  current: Snapshot,
  proposal: Proposal,
): Promise<Result<World>> {
  const policies = proposedPolicies(current.tenant.policies, proposal);
  if (!policies.ok) return policies;
  const { tenantId, home } = proposal;
  const [ofPlatform, ofTenant] = await Promise.all([
    deps.policiesAsTheyWere.lastRevisions({ scope: PLATFORM, home: PLATFORM_HOME }),
    deps.policiesAsTheyWere.lastRevisions({ scope: tenantId, home }),
  ]);
  if (!ofPlatform.ok) return ofPlatform;
  if (!ofTenant.ok) return ofTenant;
  const asking = [...current.platform.policies, ...current.tenant.policies].filter(asksForContent);
  const wasWrittenAt = ({ id, scope }: Policy): number =>
    (scope === PLATFORM ? ofPlatform : ofTenant).value.get(id) ?? Number.POSITIVE_INFINITY;
  const snapshot = { ...current, tenant: { ...current.tenant, policies: policies.value } };
  return ok({
    ...worldOf(snapshot),
    literalOf: new Map(),
    demandOf({ action, resource, revisions }, authorization) {
      if (action === null || resource === null || revisions === null) return null;
      const unchanged = asking.filter(
        (policy) => wasWrittenAt(policy) <= revisions[policy.scope === PLATFORM ? "platform" : "tenant"],
      );
      return knownDemand(unchanged, authorization, { action, resource });
    },
  });
}
