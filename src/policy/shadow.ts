/**
 * Shadow mode: which of the policies in shadow would have flipped a decision, had it been live? Each is judged alone
 * beside the live ones: it flips where `decide` (or admission) under the live policies and this one ends otherwise than
 * under the live ones. Found by parts, because the live outcome says which kinds can flip it at all: for the better only a
 * grant, for the worse only a deny or a boundary.
 */
import type { PolicyId } from "../kernel/ids.ts";
import { type Refusal, type RefusalCode, refuse } from "../kernel/refusal.ts";
import { type AdmissionInput, admissionUnder } from "./admission.ts";
import { boundaryRefusal } from "./boundary.ts";
import { candidateOf, circumstancesOf, type DecideInput } from "./candidate.ts";
import type { CoveringRules } from "./coverings.ts";
import { denialOf, exclusionOf, factsOf, tokenSets } from "./exclusion.ts";
import { needsApproval, type Outcome } from "./outcome.ts";
import { placementOf } from "./placement.ts";
import { type LiveRules, type Rule, rulesOf } from "./rules.ts";
import type { Facts } from "./selectors.ts";
import type { ShadowRules } from "./shadow-rules.ts";

export interface ShadowFlip {
  readonly policyId: PolicyId;
  /** What the decision would have been. */
  readonly to: Outcome;
  readonly code: RefusalCode | "allowed";
  /**
   * `ask`: by all that a decision knows. `admission`: the body was never read, so it is known only that the policy would
   * have let the request come to that.
   */
  readonly basis: "ask" | "admission";
}

export interface ShadowJudgement {
  /** The policies in shadow of the tenant and the platform. */
  readonly judged: number;
  readonly flips: readonly ShadowFlip[];
  /** Whether a policy in shadow found the prompt too long: where it is only bounded, counting it may say otherwise. */
  readonly promptTooLong: boolean;
}

/** Null where no policy is in shadow. @param live what `decide` says under the live policies. */
export function shadowOfAsk(input: DecideInput, live: Outcome): ShadowJudgement | null {
  const { capability, ask, place, snapshot, nowMs } = input;
  const rules = rulesOf(snapshot);
  if (rules.shadow === null) return null;
  const facts = factsOf(capability, place, ask, nowMs);
  const better = live === "allowed" ? [] : outcomesOfGrants(rules, rules.shadow, input, facts);
  const worse = live === "denied" ? [] : outcomesOfBounds(rules, rules.shadow, input, facts);
  const outcomes = [...better, ...worse];
  return {
    judged: rules.shadow.count,
    flips: [
      ...better.filter(({ to }) => rank[to] > rank[live]),
      ...worse.filter(({ to }) => rank[to] < rank[live]),
    ].map(({ rule, ...outcome }) => flip(rule, outcome, "ask")),
    promptTooLong: outcomes.some(({ refusals }) =>
      refusals.some(({ code }) => code === "tokens_per_request_exceeded"),
    ),
  };
}

/** The same of admission. @param isAdmitted what it says under the live policies. */
export function shadowOfAdmission(input: AdmissionInput, isAdmitted: boolean): ShadowJudgement | null {
  const rules = rulesOf(input.snapshot);
  const { shadow } = rules;
  if (shadow === null) return null;
  const { action, resource } = input.asked;
  const { denies, grants } =
    action === undefined || resource === undefined ? NOTHING_COVERS : shadow.covering(action, resource);
  const tried = isAdmitted
    ? [
        ...denies.map((rule) => ({ rule, under: withCovering(rules, { denies: [rule] }) })),
        ...shadow.boundaries.map(({ rule, among }) => ({ rule, under: { ...rules, ...among } })),
      ]
    : grants.map((rule) => ({ rule, under: withCovering(rules, { grants: [rule] }) }));
  const flips = tried.flatMap(({ rule, under }) => {
    const excluded = admissionUnder(under, input, null);
    if ((excluded === null) === isAdmitted) return [];
    return flip(rule, excluded === null ? ALLOWED : refused(excluded.refusal), "admission");
  });
  return { judged: shadow.count, flips, promptTooLong: false };
}

const NOTHING_COVERS = { denies: [], grants: [] } as const;

/** The rules with one in shadow in the place of those of its kind, which did not decide: none denied, or none allowed. */
const withCovering = (rules: LiveRules, ofShadow: Partial<CoveringRules>): LiveRules => ({
  ...rules,
  covering: (action, resource) => ({ ...rules.covering(action, resource), ...ofShadow }),
});

/** Where something other than the policies had the last word, no policy in shadow would have made a difference. */
export const withoutFlips = (judgement: ShadowJudgement | null): ShadowJudgement | null =>
  judgement === null ? null : { ...judgement, flips: [] };

/** The same where somebody has approved: what would have needed no approval makes no difference any more. */
export const withoutAllowing = (judgement: ShadowJudgement | null): ShadowJudgement | null =>
  judgement === null ? null : { ...judgement, flips: judgement.flips.filter(({ to }) => to !== "allowed") };

const rank: Readonly<Record<Outcome, number>> = { denied: 0, pending_approval: 1, allowed: 2 };

interface Judged extends Pick<ShadowFlip, "to" | "code"> {
  readonly refusals: readonly Refusal[];
}
const ALLOWED: Judged = { to: "allowed", code: "allowed", refusals: [] };
const PENDING: Judged = { to: "pending_approval", code: "pending_approval", refusals: [] };
/** The first is the one that would have been told. */
const refused = (...refusals: readonly [Refusal, ...Refusal[]]): Judged => ({
  to: "denied",
  code: refusals[0].code,
  refusals,
});

interface JudgedRule extends Judged {
  readonly rule: Rule;
}

const flip = ({ policy }: Rule, { to, code }: Judged, basis: ShadowFlip["basis"]): ShadowFlip => ({
  policyId: policy.id,
  to,
  code,
  basis,
});

function outcomesOfGrants(
  rules: LiveRules,
  shadow: ShadowRules,
  input: DecideInput,
  facts: Facts,
): readonly JudgedRule[] {
  const { capability, ask } = input;
  const { grants } = shadow.covering(ask.action, ask.resource);
  // What excludes an ask does so whatever the grants say.
  if (grants.length === 0 || exclusionOf(rules, capability, ask, facts, null)) return [];
  return grants.map((rule) => ({ rule, ...outcomeUnder(rules, [rule], input, facts) }));
}

function outcomesOfBounds(
  rules: LiveRules,
  shadow: ShadowRules,
  input: DecideInput,
  facts: Facts,
): readonly JudgedRule[] {
  const { ask } = input;
  const { grants } = rules.covering(ask.action, ask.resource);
  const denied = shadow.covering(ask.action, ask.resource).denies.flatMap((rule) => {
    const refusal = denialOf(rule, facts);
    return refusal === null ? [] : { rule, ...refused(refusal) };
  });
  const bounded = shadow.boundaries.flatMap(({ rule, among, bindsCandidates }) => {
    const refusal = boundaryRefusal(rule, ask, facts);
    if (refusal !== null) return { rule, ...refused(refusal) };
    return bindsCandidates ? { rule, ...outcomeUnder({ ...rules, ...among }, grants, input, facts) } : [];
  });
  return [...denied, ...bounded];
}

/** What becomes of an ask that nothing excludes, by the first of these grants that would allow it. */
function outcomeUnder(
  rules: LiveRules,
  grants: readonly Rule[],
  { capability, ask, snapshot }: DecideInput,
  facts: Facts,
): Judged {
  const placement = placementOf(rules, snapshot.tenant.tenant.residency, ask);
  if (!placement.ok) return refused(placement.error);
  const circumstances = circumstancesOf({ capability, ask }, facts, placement.value, rules);
  const refusals: Refusal[] = [];
  let isPending = false;
  for (const grant of grants) {
    for (const token of tokenSets(capability, ask)) {
      const candidate = candidateOf(rules.termsOf(grant, token), circumstances);
      if (!candidate.ok) refusals.push(candidate.error);
      else if (needsApproval(candidate.value)) isPending = true;
      else return ALLOWED;
    }
  }
  if (isPending) return PENDING;
  const [first = refuse("no_matching_grant"), ...rest] = refusals;
  return refused(first, ...rest);
}
