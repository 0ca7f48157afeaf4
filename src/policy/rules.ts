/**
 * A snapshot's policies made ready for deciding: in force, in order, and found by what they cover. Snapshots are
 * immutable, so each pair of parts is prepared once and remembered as long as it lives.
 */
import type { Deployment } from "../azure/deployment.ts";
import { PLATFORM } from "../kernel/ids.ts";
import type { Action } from "./action.ts";
import { type BoundarySet, boundarySet } from "./boundary-set.ts";
import { type ConstraintSet, constraintSet } from "./constraint-set.ts";
import { type ContentDemand, contentDemand } from "./content.ts";
import { coverageIndex } from "./coverage.ts";
import { type LimitSet, limitSet } from "./limit-claims.ts";
import type { Policy } from "./policy.ts";
import type { Resource } from "./resource.ts";
import type { PlatformSnapshot, Snapshot, TenantSnapshot } from "./snapshot.ts";

export interface Rule extends ConstraintSet {
  readonly policy: Policy;
}

/** In order. */
export interface CoveringRules {
  readonly denies: readonly Rule[];
  readonly grants: readonly Rule[];
  /** What grants and boundaries ask about the content; null = nothing. */
  readonly content: ContentDemand | null;
}

export interface Rules extends BoundarySet {
  readonly tenantLimits: LimitSet;
  covering(action: Action, resource: Resource): CoveringRules;
  deployment(name: string): Deployment | undefined;
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
  const inForce = ruleKinds(policiesOf({ platform, tenant }).filter(({ mode }) => mode === "enforce"));
  const { denies, grants, boundaries } = inForce;
  const tenantLimits = limitSet(`tenant:${tenant.tenant.id}`, "tenant", tenant.tenant.limits);
  const deployments = new Map(platform.deployments.map((deployment) => [deployment.name, deployment]));
  const deniesOf = coverageIndex(denies);
  const grantsOf = coverageIndex(grants);
  return {
    ...boundarySet(boundaries, tenantLimits),
    tenantLimits,
    deployment: (name) => deployments.get(name),
    covering: remembered((action, resource) => {
      const covering = grantsOf(action, resource);
      const content = contentDemand([...covering, ...boundaries]);
      return { denies: deniesOf(action, resource), grants: covering, content };
    }),
  };
}

interface RuleKinds {
  readonly denies: readonly Rule[];
  readonly grants: readonly Rule[];
  readonly boundaries: readonly Rule[];
}

function ruleKinds(policies: readonly Policy[]): RuleKinds {
  const rules = policies.map((policy) => ({
    policy,
    ...constraintSet(`policy:${policy.id}`, policy.constraints),
  }));
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
  );

/** By priority, then age, then id. */
const inOrder = (policies: readonly Policy[]): readonly Policy[] =>
  policies.toSorted(
    (left, right) =>
      left.priority - right.priority ||
      compareText(left.createdAt, right.createdAt) ||
      compareText(left.id, right.id),
  );

const compareText = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0);

/** More deployments than a tenant uses; callers of /v1/enforce may name any resource, so there is an end. */
const MAX_REMEMBERED_RESOURCES = 200;

function remembered<T>(find: (action: Action, resource: Resource) => T) {
  const known = new Map<Resource, Map<Action, T>>();
  return (action: Action, resource: Resource): T => {
    let ofResource = known.get(resource);
    if (ofResource === undefined) {
      if (known.size >= MAX_REMEMBERED_RESOURCES) known.clear();
      ofResource = new Map();
      known.set(resource, ofResource);
    }
    const before = ofResource.get(action);
    if (before !== undefined) return before;
    const found = find(action, resource);
    ofResource.set(action, found);
    return found;
  };
}
