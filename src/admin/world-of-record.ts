/**
 * What a recorded decision was made under: the policies as they were at its revisions, put together from their histories,
 * with the tenant's document and the deployments of today.
 */
import type { DecisionRecord } from "../audit/audit-record.ts";
import type { World } from "../audit/redecide.ts";
import { PLATFORM } from "../kernel/ids.ts";
import { asksForContent, knownDemand } from "../policy/known-demand.ts";
import type { Snapshot } from "../policy/snapshot.ts";
import { createCases } from "../policy/unsure.ts";
import { PLATFORM_HOME } from "../residency/home.ts";
import type { ControlPlaneDeps } from "./control-plane-deps.ts";
import { literalsByDigest } from "./literals-by-digest.ts";

type Deps = Pick<ControlPlaneDeps, "policiesAsTheyWere" | "currentSnapshot" | "hashText">;

/** Null where that cannot be known: an explanation is worth having without it. */
export async function worldOfRecord(deps: Deps, record: DecisionRecord): Promise<World | null> {
  const snapshot = await snapshotAsItWas(deps, record);
  if (snapshot === null) return null;
  const policies = [...snapshot.platform.policies, ...snapshot.tenant.policies];
  const isAsking = policies.filter(asksForContent);
  const hasFound = (record.inputs?.ask?.content.texts?.found.length ?? 0) > 0;
  return {
    ...worldOf(snapshot),
    literalOf: hasFound
      ? await literalsByDigest(deps, snapshot.tenant.tenant.id, policies)
      : new Map<string, string>(),
    demandOf: ({ action, resource }, authorization) =>
      action === null || resource === null
        ? null
        : knownDemand(isAsking, authorization, { action, resource }),
  };
}

/** What worlds have in common. */
export function worldOf(snapshot: Snapshot): Pick<World, "snapshot" | "casesOf" | "deployment"> {
  const deployments = new Map(snapshot.platform.deployments.map((one) => [one.name, one]));
  return { snapshot, casesOf: createCases(snapshot), deployment: (name) => deployments.get(name) };
}

async function snapshotAsItWas(deps: Deps, record: DecisionRecord): Promise<Snapshot | null> {
  const { revisions, tenantId, home } = record;
  if (revisions === null || tenantId === PLATFORM) return null;
  const [current, ofPlatform, ofTenant] = await Promise.all([
    deps.currentSnapshot(tenantId, home),
    deps.policiesAsTheyWere.asOf({ scope: PLATFORM, home: PLATFORM_HOME }, revisions.platform),
    deps.policiesAsTheyWere.asOf({ scope: tenantId, home }, revisions.tenant),
  ]);
  if (!current.ok || !ofPlatform.ok || !ofTenant.ok) return null;
  if (current.value === null || ofPlatform.value === null || ofTenant.value === null) return null;
  const { platform, tenant } = current.value;
  return {
    platform: { ...platform, revision: revisions.platform, policies: [...ofPlatform.value] },
    tenant: { ...tenant, revision: revisions.tenant, policies: [...ofTenant.value] },
  };
}
