/**
 * One grant held against one alternative of the token: does it allow the ask, and under which limits and obligations?
 * Grant and token bind together; the tenant's own limits come on top.
 */
import type { AuthorizationDetail, Capability } from "../capability/claims.ts";
import { refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import type { LimitClaim } from "../quota/limit-claim.ts";
import type { Place } from "../residency/place.ts";
import { unavailableKey } from "./constraint-table.ts";
import type { Constraints } from "./constraints.ts";
import type { Ask, Candidate } from "./decision.ts";
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

  const tenantLimits = snapshot.tenant.tenant.limits;
  const bounds = boundTokens(ask, {
    perRequest: smallest(sets.map(({ constraints }) => constraints.maxTokensPerRequest)),
    perWindow: smallest([
      ...sets.map(({ constraints }) => constraints.maxTokensPerDay),
      tenantLimits.maxTokensPerDay,
    ]),
  });
  if (!bounds.ok) return bounds;

  const { reservedTokens } = bounds.value;
  return ok({
    grantId: policy.id,
    policyIds: [policy.id],
    claims: [
      ...sets.flatMap(({ owner, constraints }) => dailyClaims(owner, "agent", constraints, reservedTokens)),
      ...dailyClaims(`tenant:${capability.tenantId}`, "tenant", tenantLimits, reservedTokens),
    ],
    obligations: {
      ...bounds.value,
      auditLogging: sets.some(({ constraints }) => constraints.auditLogging === "detailed")
        ? "detailed"
        : "standard",
      encryptionRequired: sets.some(({ constraints }) => constraints.encryptionRequired === true),
    },
  });
}

function dailyClaims(
  owner: string,
  scope: LimitClaim["scope"],
  limits: Pick<Constraints, "maxRequestsPerDay" | "maxTokensPerDay">,
  reservedTokens: number,
): LimitClaim[] {
  const claims: LimitClaim[] = [];
  if (limits.maxRequestsPerDay !== undefined) {
    claims.push({
      owner,
      scope,
      meter: "requests",
      window: "day",
      limit: limits.maxRequestsPerDay,
      amount: 1,
    });
  }
  if (limits.maxTokensPerDay !== undefined) {
    claims.push({
      owner,
      scope,
      meter: "tokens",
      window: "day",
      limit: limits.maxTokensPerDay,
      amount: reservedTokens,
    });
  }
  return claims;
}
