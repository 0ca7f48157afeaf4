/**
 * What excludes an ask whatever the grants say: a token that does not cover it, a deny that matches, a boundary that it
 * is not inside. All of it is known before the body is read, but for what only the body names.
 */
import type { AuthorizationDetail, Capability } from "../capability/claims.ts";
import { type Refusal, refuse } from "../kernel/refusal.ts";
import type { Place } from "../residency/place.ts";
import { type Asked, boundaryRefusal } from "./boundary.ts";
import { type ConstraintSet, constraintSet } from "./constraint-set.ts";
import { covers } from "./coverage.ts";
import type { Ask, TraceLine, Verdict } from "./decision.ts";
import type { LiveRules, Rule } from "./rules.ts";
import { type Facts, unmetOf } from "./selectors.ts";

export type RefusedVerdict = Extract<Verdict, { kind: "refused" }>;

export const factsOf = (
  { tenantId, agentId, roles }: Pick<Capability, "tenantId" | "agentId" | "roles">,
  { tlsVersion, country, clientAddress }: Pick<Place, "tlsVersion" | "country" | "clientAddress">,
  { classification }: Pick<Ask, "classification">,
  nowMs: number,
): Facts => ({ tenantId, agentId, roles, classification, tlsVersion, country, clientAddress, nowMs });

/** @param trace gets a line for each rule that was looked at; null = nobody asks. */
export function exclusionOf(
  rules: LiveRules,
  capability: Capability,
  asked: Asked,
  facts: Facts,
  trace: TraceLine[] | null,
): RefusedVerdict | null {
  const { action, resource } = asked;
  if (action !== undefined && resource !== undefined) {
    if (tokenSets(capability, { action, resource }).length === 0) {
      const refusal = refuse("outside_token");
      trace?.push({ policyId: "token", outcome: "denies", refusal });
      return refusedBy(refusal, [], trace);
    }
    for (const deny of rules.covering(action, resource).denies) {
      const refusal = denialOf(deny, facts);
      if (refusal === null) trace?.push({ policyId: deny.policy.id, outcome: "not_matched" });
      else return refusedByRule(deny, refusal, trace);
    }
  }
  for (const boundary of rules.boundaries) {
    const refusal = boundaryRefusal(boundary, asked, facts);
    if (refusal === null) trace?.push({ policyId: boundary.policy.id, outcome: "bounds" });
    else return refusedByRule(boundary, refusal, trace);
  }
  return null;
}

/**
 * The token's own alternatives, each as all that binds together: one of its details, and those of its ancestors that this
 * one stands inside. So a child allows nothing that its parent refuses, whatever it says of itself, and charges the
 * parent's counters beside its own. A token without authorization details covers all that the policies grant. Limits are
 * those of a token's chain: refreshing it must not begin them anew.
 */
export function tokenSets(
  { authorization, rootTokenId }: Pick<Capability, "authorization" | "rootTokenId">,
  { action, resource }: Pick<Ask, "action" | "resource">,
): readonly (readonly ConstraintSet[])[] {
  if (authorization === null) return [[]];
  return authorization
    .map((held) => [{ rootTokenId, detail: held }, ...(held.within ?? [])])
    .filter((lineage) =>
      lineage.every(({ detail }) => covers(detail.actions, detail.locations, action, resource)),
    )
    .map((lineage) => lineage.map((one) => tokenSet(`token:${one.rootTokenId}`, one.detail)));
}

/** A token that comes again is the same object as long as it is remembered as verified. */
const prepared = new WeakMap<AuthorizationDetail, ConstraintSet>();

function tokenSet(owner: string, detail: AuthorizationDetail): ConstraintSet {
  const known = prepared.get(detail);
  if (known?.limits.owner === owner) return known;
  // A token is of one agent, which alone counts its limits: whoever exchanges tokens must not fill a ledger that all share.
  const { constraints } = detail;
  const set = constraintSet(
    owner,
    constraints.quotaScope === "tenant" ? { ...constraints, quotaScope: "agent" } : constraints,
  );
  prepared.set(detail, set);
  return set;
}

/** Refused because the boundaries leave no backend. */
export function unplaced(
  rules: Pick<LiveRules, "boundaries">,
  refusal: Refusal,
  trace: TraceLine[] | null,
): RefusedVerdict {
  const demanding = rules.boundaries.filter(({ demand }) => demand !== null);
  const policyIds = demanding.map(({ policy }) => policy.id);
  for (const policyId of policyIds) trace?.push({ policyId, outcome: "denies", refusal });
  return refusedBy(refusal, policyIds, trace);
}

/** Null when the policy does not deny. A deny applies to exactly the asks that a grant with its selectors would cover. */
export function denialOf({ policy, unavailable, checks }: Rule, facts: Facts): Refusal | null {
  const evidence = { policyId: policy.id };
  if (unavailable !== undefined)
    return refuse("constraint_not_available", { evidence: { constraint: unavailable, ...evidence } });
  const unmet = unmetOf(checks, facts);
  if (unmet === null) return refuse("denied_by_policy", { evidence });
  return unmet.code === "indeterminate" ? unmet : null;
}

export const refusedBy = (
  refusal: Refusal,
  policyIds: RefusedVerdict["policyIds"],
  trace: RefusedVerdict["trace"] | null,
): RefusedVerdict => ({ kind: "refused", refusal, policyIds, trace: trace ?? [] });

function refusedByRule({ policy }: Rule, refusal: Refusal, trace: TraceLine[] | null): RefusedVerdict {
  trace?.push({ policyId: policy.id, outcome: "denies", refusal });
  return refusedBy(refusal, [policy.id], trace);
}
