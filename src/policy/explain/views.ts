/** Each policy that covers an ask, by itself: whether it matched, and all of its constraints that do not hold. */
import type { Refusal } from "../../kernel/refusal.ts";
import type { DecideInput } from "../candidate.ts";
import { covers, coversAction, coversResource } from "../coverage.ts";
import { decide } from "../decide.ts";
import type { Verdict } from "../decision.ts";
import type { Policy } from "../policy.ts";
import { plainGrant, withPolicies } from "./change.ts";
import type { DetailView, FailedConstraint, PolicyView } from "./explanation.ts";
import { type Failure, failuresOf, onlyUnder } from "./failures.ts";

export const inForce = ({ snapshot: { platform, tenant } }: DecideInput): readonly Policy[] =>
  [...platform.policies, ...tenant.policies].filter(({ mode }) => mode === "enforce");

export const kindOf = ({ effect, kind }: Policy): PolicyView["kind"] => (effect === "deny" ? "deny" : kind);

/** A boundary is for every ask: what it does not cover, it refuses. */
export const isConsidered = (policy: Policy, { ask }: DecideInput): boolean =>
  kindOf(policy) === "boundary" || covers(policy.actions, policy.resources, ask.action, ask.resource);

export function viewOf(policy: Policy, input: DecideInput, verdict: Verdict): PolicyView {
  const { id: policyId, name, scope } = policy;
  const kind = kindOf(policy);
  const failures = [...coverageFailures(policy, input), ...failuresOf(policy.constraints, input)];
  const outcome = outcomeOf(policy, input, verdict);
  const isWell = outcome === "allows" || outcome === "bounds";
  // What fails only together with others is told as the decision tells it.
  const together =
    failures.length === 0 && !isWell && kind !== "deny" ? togetherOf(policy, input, verdict) : [];
  return { policyId, name, scope, kind, outcome, failed: [...failures, ...together].map(failedOf) };
}

function outcomeOf(policy: Policy, input: DecideInput, verdict: Verdict): PolicyView["outcome"] {
  const refuses = verdict.kind === "refused" && verdict.policyIds.includes(policy.id);
  switch (kindOf(policy)) {
    case "deny":
      return refuses || isRefused(besideAGrant(policy, input)) ? "denies" : "not_matched";
    case "boundary":
      return refuses || isRefused(besideAGrant(policy, input)) ? "denies" : "bounds";
    case "grant":
      return grantRefusal(policy, input) === null ? "allows" : "dropped";
  }
}

const isRefused = (input: DecideInput): boolean => decide(input).kind === "refused";

/** A deny or a boundary, beside a grant that allows everything. */
function besideAGrant(policy: Policy, input: DecideInput): DecideInput {
  const grant = plainGrant(input.snapshot.tenant.tenant.id, { actions: ["*"], resources: ["*"] });
  const alone = onlyUnder(input, [grant, policy]);
  return { ...alone, capability: { ...input.capability, authorization: null } };
}

/** Why the grant would not allow, were no other policy there to refuse; null = it would. */
export function grantRefusal(grant: Policy, input: DecideInput): Refusal | null {
  const here = decide(withoutDenies(withOnlyGrant(input, grant)));
  if (here.kind === "candidates") return null;
  // A boundary, a promise or a token that keeps everything out says nothing of the grant.
  if (here.policyIds.includes(grant.id)) return here.refusal;
  const alone = onlyUnder(input, [grant]);
  const verdict = decide({ ...alone, capability: { ...input.capability, authorization: null } });
  return verdict.kind === "candidates" ? null : verdict.refusal;
}

/** Denies, boundaries, and of the grants this one alone: with others, what refuses could be one of theirs. */
export const withOnlyGrant = (input: DecideInput, { id }: Pick<Policy, "id">): DecideInput =>
  withPolicies(input, (policies) =>
    policies.filter((policy) => policy.id === id || kindOf(policy) !== "grant"),
  );

const withoutDenies = (input: DecideInput): DecideInput =>
  withPolicies(input, (policies) => policies.filter((policy) => kindOf(policy) !== "deny"));

function togetherOf(policy: Policy, input: DecideInput, verdict: Verdict): readonly Failure[] {
  const refusal =
    kindOf(policy) === "grant"
      ? grantRefusal(policy, input)
      : verdict.kind === "refused"
        ? verdict.refusal
        : null;
  return refusal === null
    ? []
    : [{ constraint: String(refusal.evidence?.constraint ?? "residency"), refusal }];
}

function coverageFailures(policy: Policy, { ask }: DecideInput): readonly Failure[] {
  const missed = (constraint: string, actual: string, limit: readonly string[]): Failure => ({
    constraint,
    refusal: { code: "outside_boundary", message: "", evidence: { actual, limit } },
  });
  return [
    ...(coversAction(policy.actions, ask.action) ? [] : [missed("actions", ask.action, policy.actions)]),
    ...(coversResource(policy.resources, ask.resource)
      ? []
      : [missed("resources", ask.resource, policy.resources)]),
  ];
}

export const failedOf = ({ constraint, refusal }: Failure): FailedConstraint => {
  const { actual, limit, missing } = refusal.evidence ?? {};
  const told = (value: typeof actual) => (typeof value === "object" ? shortened(value) : (value ?? null));
  return {
    constraint,
    code: refusal.code,
    actual: told(missing === undefined ? actual : `unknown: ${String(missing)}`),
    limit: told(limit),
  };
};

/** A policy may list a thousand names. */
const MAX_ITEMS = 20;
const shortened = (items: readonly string[]): string[] =>
  items.length <= MAX_ITEMS
    ? [...items]
    : [...items.slice(0, MAX_ITEMS), `and ${items.length - MAX_ITEMS} more`];

export const detailViews = (input: DecideInput): DetailView[] | null =>
  input.capability.authorization?.map(({ actions, locations, constraints }) => ({
    covers: covers(actions, locations, input.ask.action, input.ask.resource),
    failed: failuresOf(constraints, input).map(failedOf),
  })) ?? null;

/** What the tenant's own limits ask for that is not there, and what its promise keeps out. */
export function tenantFailures(input: DecideInput): readonly Failure[] {
  const { tenant } = input.snapshot.tenant;
  const limits = failuresOf(tenant.limits, input);
  const grant = plainGrant(tenant.id, { actions: ["*"], resources: ["*"] });
  const alone = onlyUnder(input, [grant]);
  const promising: DecideInput = {
    ...alone,
    capability: { ...input.capability, authorization: null },
    snapshot: {
      ...alone.snapshot,
      tenant: {
        ...alone.snapshot.tenant,
        tenant: { ...alone.snapshot.tenant.tenant, residency: tenant.residency },
      },
    },
  };
  const promised = decide(promising);
  return promised.kind === "refused"
    ? [...limits, { constraint: "residency", refusal: promised.refusal }]
    : limits;
}
