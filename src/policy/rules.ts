/**
 * A snapshot's policies made ready for deciding: in force, in order, and found by what they cover. Snapshots are
 * immutable, so each pair of parts is prepared once and remembered as long as it lives.
 */
import type { Deployment } from "../azure/deployment.ts";
import { PLATFORM } from "../kernel/ids.ts";
import { type BoundarySet, boundarySet } from "./boundary-set.ts";
import { type ConstraintSet, constraintSet } from "./constraint-set.ts";
import { type Coverings, coverings } from "./coverings.ts";
import { type LimitSet, limitSet } from "./limit-claims.ts";
import type { Policy } from "./policy.ts";
import { inOrder } from "./policy-order.ts";
import { type ShadowRules, shadowRules } from "./shadow-rules.ts";
import type { PlatformSnapshot, Snapshot, TenantSnapshot } from "./snapshot.ts";

export interface Rule extends ConstraintSet {
  readonly policy: Policy;
}

export interface LiveRules extends BoundarySet {
  readonly tenantLimits: LimitSet;
  readonly covering: Coverings;
  deployment(name: string): Deployment | undefined;
}

export interface Rules extends LiveRules {
  /** Judged beside the live ones, and bound to change nothing; null where there are none. */
  readonly shadow: ShadowRules | null;
}

interface Prepared {
  readonly platform: PlatformSnapshot;
  readonly rules: Rules;
}

const prepared = new WeakMap<TenantSnapshot, Prepared>();

export function rulesOf({ platform, tenant }: Snapshot): Rules {
  const known = prepared.get(tenant);
  if (known?.platform === platform) return known.rules;
  const rules = prepare(platform, tenant);
  prepared.set(tenant, { platform, rules });
  return rules;
}

function prepare(platform: PlatformSnapshot, tenant: TenantSnapshot): Rules {
  const policies = policiesOf({ platform, tenant });
  const { denies, grants, boundaries } = ruleKinds(policies, "enforce");
  const tenantLimits = limitSet(`tenant:${tenant.tenant.id}`, "tenant", tenant.tenant.limits);
  const deployments = new Map(platform.deployments.map((deployment) => [deployment.name, deployment]));
  const live: LiveRules = {
    ...boundarySet(boundaries, tenantLimits),
    tenantLimits,
    deployment: (name) => deployments.get(name),
    covering: coverings(denies, grants, boundaries),
  };
  return { ...live, shadow: shadowRules(ruleKinds(policies, "shadow"), live) };
}

export interface RuleKinds {
  readonly denies: readonly Rule[];
  readonly grants: readonly Rule[];
  readonly boundaries: readonly Rule[];
}

function ruleKinds(policies: readonly Policy[], mode: Policy["mode"]): RuleKinds {
  const rules = policies
    .filter((policy) => policy.mode === mode)
    .map((policy) => ({ policy, ...constraintSet(`policy:${policy.id}`, policy.constraints) }));
  const permits = rules.filter(({ policy }) => policy.effect === "allow");
  return {
    denies: rules.filter(({ policy }) => policy.effect === "deny"),
    grants: permits.filter(({ policy }) => policy.kind === "grant"),
    boundaries: permits.filter(({ policy }) => policy.kind === "boundary"),
  };
}

/** In order. A policy of another tenant is none of them, however it came here (guarantee G7). */
const policiesOf = ({ platform, tenant }: Snapshot): readonly Policy[] =>
  inOrder(
    [...platform.policies, ...tenant.policies].filter(
      ({ scope }) => scope === PLATFORM || scope === tenant.tenant.id,
    ),
    (policy) => policy,
  );
