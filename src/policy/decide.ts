/**
 * The decision core: token ∩ (∪ grants) − (∪ denies), pure and total. Default deny; any matching deny wins;
 * evaluation trouble denies. Grants are alternatives in order (priority, then age): each that would allow becomes a
 * candidate, and the ledger charges the first whose limits have room. Adding a grant never turns an allowed ask
 * into a refusal.
 */
import type { AuthorizationDetail, Capability } from "../capability/claims.ts";
import { type Refusal, refuse } from "../kernel/refusal.ts";
import type { Action, ActionPattern } from "./action.ts";
import { candidateOf, type DecideInput } from "./candidate.ts";
import { unavailableKey } from "./constraint-table.ts";
import type { Ask, Candidate, TraceLine, Verdict } from "./decision.ts";
import type { Policy } from "./policy.ts";
import { matchesResource, type ResourcePattern } from "./resource.ts";
import { type Facts, unmetSelector } from "./selectors.ts";

export function decide(input: DecideInput): Verdict {
  const { capability, ask, snapshot } = input;
  const facts: Facts = {
    tenantId: capability.tenantId,
    roles: capability.roles,
    classification: ask.classification,
    tlsVersion: input.place.tlsVersion,
  };
  const policies = inOrder(
    [...snapshot.platform.policies, ...snapshot.tenant.policies].filter(
      (policy) => policy.mode === "enforce" && covers(policy.actions, policy.resources, ask),
    ),
  );
  const trace: TraceLine[] = [];

  const authorizations = authorizationsFor(capability, ask);
  if (authorizations.length === 0) {
    const refusal = refuse("outside_token");
    return {
      kind: "refused",
      refusal,
      policyIds: [],
      trace: [{ policyId: "token", outcome: "denies", refusal }],
    };
  }

  for (const policy of policies) {
    if (policy.effect === "allow" && policy.kind === "grant") continue;
    const refusal = denialOf(policy, facts);
    trace.push(
      refusal
        ? { policyId: policy.id, outcome: "denies", refusal }
        : { policyId: policy.id, outcome: "not_matched" },
    );
    if (refusal) return { kind: "refused", refusal, policyIds: [policy.id], trace };
  }

  const candidates: Candidate[] = [];
  const dropped: { readonly policy: Policy; readonly refusal: Refusal }[] = [];
  for (const policy of policies) {
    if (policy.effect === "deny" || policy.kind === "boundary") continue;
    for (const authorization of authorizations) {
      const candidate = candidateOf(policy, authorization, facts, input);
      if (candidate.ok) {
        candidates.push(candidate.value);
        trace.push({ policyId: policy.id, outcome: "allows" });
      } else {
        dropped.push({ policy, refusal: candidate.error });
        trace.push({ policyId: policy.id, outcome: "dropped", refusal: candidate.error });
      }
    }
  }

  const [first, ...rest] = candidates;
  if (first) return { kind: "candidates", candidates: [first, ...rest], trace };
  const nearest = dropped[0];
  return {
    kind: "refused",
    refusal: nearest?.refusal ?? refuse("no_matching_grant"),
    policyIds: nearest ? [nearest.policy.id] : [],
    trace,
  };
}

const coversAction = (patterns: readonly ActionPattern[], action: Action): boolean =>
  patterns.includes("*") || patterns.includes(action);

const covers = (
  actions: readonly ActionPattern[],
  resources: readonly ResourcePattern[],
  ask: Ask,
): boolean =>
  coversAction(actions, ask.action) && resources.some((pattern) => matchesResource(pattern, ask.resource));

/** The token's own alternatives; a token without authorization details covers all that the policies grant. */
function authorizationsFor(capability: Capability, ask: Ask): readonly (AuthorizationDetail | null)[] {
  if (capability.authorization === null) return [null];
  return capability.authorization.filter((detail) => covers(detail.actions, detail.locations, ask));
}

/** Null when the policy does not deny. A deny applies to exactly the asks that a grant with its selectors would cover. */
function denialOf(policy: Policy, facts: Facts): Refusal | null {
  const unavailable = unavailableKey(policy.constraints);
  if (unavailable)
    return refuse("constraint_not_available", { evidence: { constraint: unavailable, policyId: policy.id } });
  // Boundaries cannot be written yet; one that got in some other way must not be ignored.
  if (policy.kind === "boundary") return refuse("outside_boundary", { evidence: { policyId: policy.id } });
  const unmet = unmetSelector(policy.constraints, facts);
  if (unmet === null) return refuse("denied_by_policy", { evidence: { policyId: policy.id } });
  return unmet.code === "indeterminate" ? unmet : null;
}

const inOrder = (policies: readonly Policy[]): readonly Policy[] =>
  policies.toSorted(
    (left, right) =>
      left.priority - right.priority ||
      compareText(left.createdAt, right.createdAt) ||
      compareText(left.id, right.id),
  );

const compareText = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0);
