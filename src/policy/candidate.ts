/**
 * One grant held against one alternative of the token: does it allow the ask, and under which limits and obligations?
 * Grant, token and boundaries bind together; the tenant's own limits come on top.
 */
import type { Capability } from "../capability/claims.ts";
import { refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import type { LimitClaim, Meter } from "../quota/limit-claim.ts";
import {
  demandedBackends,
  type ResidencyObligation,
  residencyObligation,
} from "../residency/demanded-backends.ts";
import type { ResidencyDemand } from "../residency/narrowed-promise.ts";
import type { Place } from "../residency/place.ts";
import type { ResidencyPromise } from "../residency/promise.ts";
import type { ConstraintSet } from "./constraint-set.ts";
import type { Ask, Candidate } from "./decision.ts";
import { featuresOf, toolRefusal } from "./features.ts";
import { claimsOf, type LimitSet, subjectOf } from "./limit-claims.ts";
import type { Rule, Rules } from "./rules.ts";
import { type Facts, unmetOf } from "./selectors.ts";
import type { Snapshot } from "./snapshot.ts";
import { boundTokens, smallest } from "./token-bounds.ts";

export interface DecideInput {
  readonly capability: Capability;
  readonly ask: Ask;
  readonly place: Place;
  readonly snapshot: Snapshot;
  /** The decision's reading of the clock. */
  readonly nowMs: number;
}

/** What every candidate of one ask shares. */
export interface Circumstances {
  readonly ask: Ask;
  readonly facts: Facts;
  readonly rules: Pick<Rules, "boundaries" | "deployment">;
  readonly tenantLimits: LimitSet;
  readonly promise: ResidencyPromise;
  readonly boundaryDemands: readonly ResidencyDemand[];
  /** Of promise and boundaries. */
  readonly residency: ResidencyObligation | null;
}

export function candidateOf(
  grant: Rule,
  token: ConstraintSet | null,
  circumstances: Circumstances,
): Result<Candidate> {
  const { ask, facts, rules, tenantLimits } = circumstances;
  const { boundaries } = rules;
  const own: readonly ConstraintSet[] = token === null ? [grant] : [grant, token];
  for (const set of own) {
    if (set.unavailable !== undefined)
      return fail(refuse("constraint_not_available", { evidence: { constraint: set.unavailable } }));
    const unmet = unmetOf(set.checks, facts) ?? toolRefusal(set, ask);
    if (unmet) return fail(unmet);
  }
  const others: readonly ConstraintSet[] = token === null ? boundaries : [token, ...boundaries];
  const residency = residencyOf(own, circumstances);
  if (!residency.ok) return residency;
  const features = featuresOf(grant, others, ask, residency.value);
  if (!features.ok) return features;

  const sets: readonly ConstraintSet[] = [grant, ...others];
  const limitSets: readonly LimitSet[] = [...sets.map(({ limits }) => limits), tenantLimits];
  const bounds = boundTokens(ask, {
    perRequest: smallest(sets.map(({ constraints }) => constraints.maxTokensPerRequest)),
    perWindow: smallest(limitSets.map(({ leastTokens }) => leastTokens)),
    costNanoUsd: smallest(limitSets.map(({ leastCost }) => leastCost)),
  });
  if (!bounds.ok) return bounds;
  const { reservedCostNanoUsd, ...bounded } = bounds.value;

  const claims = allClaims(limitSets, ask, {
    requests: 1,
    tokens: bounded.reservedTokens,
    cost: reservedCostNanoUsd ?? 0,
    concurrent: 1,
  });
  if (!claims.ok) return claims;

  return ok({
    grantId: grant.policy.id,
    policyIds: [grant.policy.id, ...boundaries.map(({ policy }) => policy.id)],
    claims: claims.value,
    reservedCostNanoUsd,
    obligations: {
      ...bounded,
      auditLogging: sets.some(({ constraints }) => constraints.auditLogging === "detailed")
        ? "detailed"
        : "standard",
      encryptionRequired: sets.some(({ constraints }) => constraints.encryptionRequired === true),
      residency: residency.value,
      ...features.value,
    },
  });
}

/** What grant and token demand beyond promise and boundaries, and whether a backend is left for it. */
function residencyOf(
  own: readonly ConstraintSet[],
  { ask, rules, promise, boundaryDemands, residency }: Circumstances,
): Result<ResidencyObligation | null> {
  const demands = own.map(({ demand }) => demand).filter((demand) => demand !== null);
  if (demands.length === 0) return ok(residency);
  return placedObligation(ask, rules, promise, [...boundaryDemands, ...demands]);
}

/** The obligation of these demands, where a backend of the ask's deployment can keep it. */
export function placedObligation(
  { deployment: name, classification }: Pick<Ask, "deployment" | "classification">,
  rules: Pick<Rules, "deployment">,
  promise: ResidencyPromise,
  demands: readonly ResidencyDemand[],
): Result<ResidencyObligation | null> {
  const obligation = residencyObligation(promise, demands);
  // The tenant's promise alone was kept at admission.
  if (!obligation.ok || obligation.value === null || demands.length === 0) return obligation;
  const deployment = rules.deployment(name);
  // Nobody can say where a model that is not registered here processes.
  if (deployment === undefined) {
    const constraint = demands.some(({ dataResidency }) => dataResidency) ? "dataResidency" : "processing";
    return fail(refuse("indeterminate", { evidence: { constraint, missing: "deployment" } }));
  }
  const left = demandedBackends(deployment, promise, obligation.value, classification);
  return left.ok ? obligation : left;
}

function allClaims(
  sets: readonly LimitSet[],
  ask: Ask,
  amounts: Readonly<Record<Meter, number>>,
): Result<readonly LimitClaim[]> {
  const claims: LimitClaim[] = [];
  for (const set of sets) {
    const subject = subjectOf(set, ask);
    if (!subject.ok) return subject;
    for (const claim of claimsOf(set, subject.value, amounts)) claims.push(claim);
  }
  return ok(claims);
}
