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
import { featuresOf, toolRefusal } from "./features.ts";
import type { JointTerms } from "./joint-terms.ts";
import { addClaims, type LimitSet, subjectOf } from "./limit-claims.ts";
import { type Placement, residencyOf } from "./placement.ts";
import { type Facts, unmetOf } from "./selectors.ts";
import type { Snapshot } from "./snapshot.ts";
import { boundTokens } from "./token-bounds.ts";

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
  readonly placement: Placement;
  readonly tenantLimits: LimitSet;
}

export const circumstancesOf = (
  { capability, ask }: Pick<DecideInput, "capability" | "ask">,
  facts: Facts,
  placement: Placement,
  { tenantLimits }: { readonly tenantLimits: LimitSet },
): Circumstances => ({
  ask,
  facts,
  placement,
  // Whatever the snapshot, a capability charges counters of its own tenant.
  tenantLimits: { ...tenantLimits, owner: `tenant:${capability.tenantId}` },
});

export function candidateOf(terms: JointTerms, circumstances: Circumstances): Result<Candidate> {
  const { ask, facts, placement, tenantLimits } = circumstances;
  for (const set of terms.own) {
    const unmet = refusalOf(set, facts) ?? toolRefusal(set, ask) ?? unmetOf(set.contentChecks, ask.content);
    if (unmet) return fail(unmet);
  }
  const residency = residencyOf(terms.own, placement);
  if (!residency.ok) return residency;
  const features = featuresOf(terms, ask, residency.value);
  if (!features.ok) return features;
  const bounds = boundTokens(ask, terms.tokenLimits);
  if (!bounds.ok) return bounds;
  const { maxOutputTokens, reservedTokens, reservedCostNanoUsd } = bounds.value;
  const claims = allClaims(terms.limitSets, tenantLimits, ask, {
    requests: 1,
    tokens: reservedTokens,
    cost: reservedCostNanoUsd ?? 0,
    concurrent: 1,
  });
  if (!claims.ok) return claims;

  return ok({
    grantId: terms.grantId,
    policyIds: terms.policyIds,
    claims: claims.value,
    reservedCostNanoUsd,
    outputCap: terms.tokenLimits.perChoice,
    approvalFrom: terms.approvalFrom,
    obligations: {
      maxOutputTokens,
      reservedTokens,
      auditLogging: terms.auditLogging,
      encryptionRequired: terms.encryptionRequired,
      residency: residency.value,
      allowedTools: features.value.allowedTools,
      allowStore: features.value.allowStore,
      stripPatterns: terms.stripPatterns,
    },
  });
}

/** What a grant or a token refuses whatever the body asks for. */
export const refusalOf = ({ unavailable, checks }: ConstraintSet, facts: Facts): Refusal | null =>
  unavailable === undefined
    ? unmetOf(checks, facts)
    : refuse("constraint_not_available", { evidence: { constraint: unavailable } });

function allClaims(
  sets: readonly LimitSet[],
  tenantLimits: LimitSet,
  ask: Ask,
  amounts: Readonly<Record<Meter, number>>,
): Result<readonly LimitClaim[]> {
  const claims: LimitClaim[] = [];
  for (const set of sets) {
    const subject = subjectOf(set, ask);
    if (!subject.ok) return subject;
    addClaims(claims, set, subject.value, amounts);
  }
  addClaims(claims, tenantLimits, null, amounts);
  return ok(claims);
}
