/**
 * A snapshot's policies made ready for deciding: in force, in order, and found by what they cover. Snapshots are
 * immutable, so each pair of parts is prepared once and remembered as long as it lives.
 */
import type { Deployment } from "../azure/deployment.ts";
import type { ResidencyDemand } from "../residency/narrowed-promise.ts";
import type { Action, ActionPattern } from "./action.ts";
import { type ConstraintSet, constraintSet } from "./constraint-set.ts";
import { type ContentDemand, contentDemand } from "./content.ts";
import { type LimitSet, limitSet } from "./limit-claims.ts";
import type { Policy } from "./policy.ts";
import { matchesResource, type Resource, type ResourcePattern } from "./resource.ts";
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

export interface Rules {
  /** All of them: an ask must be inside every one. */
  readonly boundaries: readonly Rule[];
  readonly boundaryDemands: readonly ResidencyDemand[];
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

/** More deployments than a tenant uses; callers of /v1/enforce may name any resource, so there is an end. */
const MAX_REMEMBERED_COVERAGES = 200;

function prepare(platform: PlatformSnapshot, tenant: TenantSnapshot): Rules {
  const inForce = inOrder(
    [...platform.policies, ...tenant.policies].filter(({ mode }) => mode === "enforce"),
  ).map((policy) => ({ policy, ...constraintSet(`policy:${policy.id}`, policy.constraints) }));
  const denies = inForce.filter(({ policy }) => policy.effect === "deny");
  const permits = inForce.filter(({ policy }) => policy.effect === "allow");
  const boundaries = permits.filter(({ policy }) => policy.kind === "boundary");
  const grants = permits.filter(({ policy }) => policy.kind === "grant");
  const deployments = new Map(platform.deployments.map((deployment) => [deployment.name, deployment]));
  const coverages = new Map<string, CoveringRules>();
  return {
    boundaries,
    boundaryDemands: boundaries.flatMap(({ demand }) => demand ?? []),
    tenantLimits: limitSet(`tenant:${tenant.tenant.id}`, "tenant", tenant.tenant.limits),
    deployment: (name) => deployments.get(name),
    covering(action, resource) {
      const key = `${action} ${resource}`;
      const known = coverages.get(key);
      if (known) return known;
      const fits = ({ policy }: Rule) => covers(policy.actions, policy.resources, action, resource);
      const covering = grants.filter(fits);
      const content = contentDemand([...covering, ...boundaries]);
      const coverage = { denies: denies.filter(fits), grants: covering, content };
      if (coverages.size >= MAX_REMEMBERED_COVERAGES) coverages.clear();
      coverages.set(key, coverage);
      return coverage;
    },
  };
}

export const coversAction = (patterns: readonly ActionPattern[], action: Action): boolean =>
  patterns.includes("*") || patterns.includes(action);

export const coversResource = (patterns: readonly ResourcePattern[], resource: Resource): boolean =>
  patterns.some((pattern) => matchesResource(pattern, resource));

export const covers = (
  actions: readonly ActionPattern[],
  resources: readonly ResourcePattern[],
  action: Action,
  resource: Resource,
): boolean => coversAction(actions, action) && coversResource(resources, resource);

/** By priority, then age, then id. */
const inOrder = (policies: readonly Policy[]): readonly Policy[] =>
  policies.toSorted(
    (left, right) =>
      left.priority - right.priority ||
      compareText(left.createdAt, right.createdAt) ||
      compareText(left.id, right.id),
  );

const compareText = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0);
