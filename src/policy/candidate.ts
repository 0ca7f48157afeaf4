/**
 * One grant held against one alternative of the token: does it allow the ask, and under which limits and obligations?
 * Grant, token and boundaries bind together; the tenant's own limits come on top.
 */
import type { Capability } from "../capability/claims.ts";
import { type Refusal, refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import type { LimitClaim, Meter } from "../quota/limit-claim.ts";
import type { Place } from "../residency/place.ts";
import type { ConstraintSet } from "./constraint-set.ts";
import type { Ask, Candidate } from "./decision.ts";
import { type PatternSet, unitedPatterns } from "./denied-patterns.ts";
import { featuresOf, toolRefusal } from "./features.ts";
import { claimsOf, type LimitSet, subjectOf } from "./limit-claims.ts";
import { type Placement, residencyOf } from "./placement.ts";
import type { Rule } from "./rules.ts";
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
  readonly boundaries: readonly Rule[];
  readonly placement: Placement;
  readonly tenantLimits: LimitSet;
}

export function candidateOf(
  grant: Rule,
  token: ConstraintSet | null,
  circumstances: Circumstances,
): Result<Candidate> {
  const { ask, facts, boundaries, placement, tenantLimits } = circumstances;
  const own: readonly ConstraintSet[] = token === null ? [grant] : [grant, token];
  for (const set of own) {
    const unmet = refusalOf(set, facts) ?? toolRefusal(set, ask) ?? unmetOf(set.contentChecks, ask.content);
    if (unmet) return fail(unmet);
  }
  const others: readonly ConstraintSet[] = token === null ? boundaries : [token, ...boundaries];
  const residency = residencyOf(own, placement);
  if (!residency.ok) return residency;
  const features = featuresOf(grant, others, ask, residency.value);
  if (!features.ok) return features;

  const sets: readonly ConstraintSet[] = [grant, ...others];
  const limitSets: readonly LimitSet[] = [...sets.map(({ limits }) => limits), tenantLimits];
  const outputCap = smallest(sets.map(({ constraints }) => constraints.maxOutputTokens));
  const bounds = boundTokens(ask, {
    perChoice: outputCap,
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
    outputCap,
    approvalFrom: approvalFrom(grant, token, boundaries),
    obligations: {
      ...bounded,
      auditLogging: sets.some(({ constraints }) => constraints.auditLogging === "detailed")
        ? "detailed"
        : "standard",
      encryptionRequired: sets.some(({ constraints }) => constraints.encryptionRequired === true),
      residency: residency.value,
      ...features.value,
      stripPatterns: unitedPatterns(sets.flatMap(strippedBy)),
    },
  });
}

const needsApproval = ({ constraints }: ConstraintSet): boolean => constraints.requiresApproval === true;

function approvalFrom(
  grant: Rule,
  token: ConstraintSet | null,
  boundaries: readonly Rule[],
): Candidate["approvalFrom"] {
  const rules = [grant, ...boundaries].filter(needsApproval).map(({ policy }) => policy.id);
  return token !== null && needsApproval(token) ? [...rules, "token"] : rules;
}

const strippedBy = ({ constraints, patterns }: ConstraintSet): readonly PatternSet[] =>
  patterns && constraints.deniedPatterns?.action === "strip" ? [patterns] : [];

/** What a grant or a token refuses whatever the body asks for. */
export const refusalOf = ({ unavailable, checks }: ConstraintSet, facts: Facts): Refusal | null =>
  unavailable === undefined
    ? unmetOf(checks, facts)
    : refuse("constraint_not_available", { evidence: { constraint: unavailable } });

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
