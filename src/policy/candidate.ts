/**
 * One grant held against one alternative of the token: does it allow the ask, and under which limits and obligations?
 * Grant and token bind together; the tenant's own limits come on top.
 */
import type { AuthorizationDetail, Capability } from "../capability/claims.ts";
import { refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import type { LimitClaim, Meter } from "../quota/limit-claim.ts";
import type { Place } from "../residency/place.ts";
import { unavailableKey } from "./constraint-table.ts";
import type { Constraints } from "./constraints.ts";
import type { Ask, Candidate } from "./decision.ts";
import { claimsOf, type LimitSet, subjectOf, tightest } from "./limit-claims.ts";
import type { Policy } from "./policy.ts";
import { type Facts, unmetSelector } from "./selectors.ts";
import type { Snapshot } from "./snapshot.ts";
import { boundTokens, smallest } from "./token-bounds.ts";

export interface DecideInput {
  readonly capability: Capability;
  readonly ask: Ask;
  readonly place: Place;
  readonly snapshot: Snapshot;
}

/** Constraints with the owner whose counters they name. */
interface ConstraintSet {
  readonly owner: string;
  readonly constraints: Constraints;
}

export function candidateOf(
  policy: Policy,
  authorization: AuthorizationDetail | null,
  facts: Facts,
  { capability, ask, snapshot }: DecideInput,
): Result<Candidate> {
  const sets: ConstraintSet[] = [{ owner: `policy:${policy.id}`, constraints: policy.constraints }];
  if (authorization)
    sets.push({ owner: `token:${capability.tokenId}`, constraints: authorization.constraints });

  for (const { constraints } of sets) {
    const unavailable = unavailableKey(constraints);
    if (unavailable)
      return fail(refuse("constraint_not_available", { evidence: { constraint: unavailable } }));
    const unmet = unmetSelector(constraints, facts);
    if (unmet) return fail(unmet);
  }

  const limitSets: readonly LimitSet[] = [
    ...sets.map(({ owner, constraints }) => ({
      owner,
      scope: constraints.quotaScope ?? "agent",
      limits: constraints,
    })),
    { owner: `tenant:${capability.tenantId}`, scope: "tenant", limits: snapshot.tenant.tenant.limits },
  ];
  const bounds = boundTokens(ask, {
    perRequest: smallest(sets.map(({ constraints }) => constraints.maxTokensPerRequest)),
    perWindow: tightest(limitSets, "tokens"),
    costNanoUsd: tightest(limitSets, "cost"),
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
    grantId: policy.id,
    policyIds: [policy.id],
    claims: claims.value,
    reservedCostNanoUsd,
    obligations: {
      ...bounded,
      auditLogging: sets.some(({ constraints }) => constraints.auditLogging === "detailed")
        ? "detailed"
        : "standard",
      encryptionRequired: sets.some(({ constraints }) => constraints.encryptionRequired === true),
    },
  });
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
    claims.push(...claimsOf(set, subject.value, amounts));
  }
  return ok(claims);
}
