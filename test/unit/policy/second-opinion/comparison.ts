// Two opinions on the same asks: what `decide` says of one, and whether the other says the same.
import { decide } from "../../../../src/policy/decide.ts";
import type { Candidate, Verdict } from "../../../../src/policy/decision.ts";
import { claimLine } from "../decide-fixture.ts";
import { type CedarAnswer, cedarFor } from "./cedar-engine.ts";
import { type CedarPolicies, cedarPolicies } from "./cedar-translation.ts";
import { toolPool } from "./pools.ts";
import { type Answer, type ReferenceCandidate, referenceDecision } from "./reference.ts";
import { allowsTool } from "./reference-constraints.ts";
import type { Situation } from "./situations.ts";
import { inputsOf, type World } from "./worlds.ts";

export interface Compared {
  readonly situation: Situation;
  readonly verdict: Verdict;
  readonly other: Answer | CedarAnswer;
  readonly agrees: boolean;
}

/** What the other is shown of a case: all of it, but where a test wants to see that it notices a difference. */
export interface Shown {
  readonly world: World;
  readonly situations: readonly Situation[];
  /** Cedar alone is given policies. */
  readonly policies?: CedarPolicies;
}

export function comparedWithReference(
  world: World,
  situations: readonly Situation[],
  shown: Shown = { world, situations },
): readonly Compared[] {
  const inputs = inputsOf(shown.world, shown.situations);
  return inputsOf(world, situations).map((input, index) => {
    const verdict = decide(input);
    const other = referenceDecision(inputs[index] ?? input);
    return { situation: input, verdict, other, agrees: agreesWithReference(verdict, other) };
  });
}

export function comparedWithCedar(
  world: World,
  situations: readonly Situation[],
  shown: Shown = { world, situations },
): readonly Compared[] {
  const ask = cedarFor(shown.policies ?? cedarPolicies(shown.world));
  return inputsOf(world, situations).map((input, index) => {
    const verdict = decide(input);
    const other = ask(shown.situations[index] ?? input);
    return { situation: input, verdict, other, agrees: agreesWithCedar(world, verdict, other) };
  });
}

/** Candidates are the same in every respect, and in order; of several true reasons a refusal names any. */
function agreesWithReference(verdict: Verdict, answer: Answer): boolean {
  if (verdict.kind === "candidates" && answer.kind === "candidates")
    return same(verdict.candidates.map(ofCandidate), answer.candidates.map(ofReference));
  if (verdict.kind === "candidates" || answer.kind === "candidates") return false;
  const { refusal, policyIds } = verdict;
  return answer.reasons.some(({ code, policyIds: ids }) => code === refusal.code && same(ids, policyIds));
}

/** Cedar names every permit that allows, or every forbid that denies; a refusal for want of a grant names none there. */
function agreesWithCedar(world: World, verdict: Verdict, { allowed, policyIds }: CedarAnswer): boolean {
  if (verdict.kind === "candidates") {
    const grantIds = new Set(verdict.candidates.map(({ grantId }) => grantId));
    return allowed && same([...grantIds].sort(), [...policyIds].sort());
  }
  const isGrant = (id: string) =>
    world.policies.some((one) => one.id === id && one.effect === "allow" && one.kind === "grant");
  const excluding = verdict.refusal.code === "outside_token" ? ["token"] : verdict.policyIds;
  return !allowed && excluding.every((id) => isGrant(id) || policyIds.includes(id));
}

const same = (left: unknown, right: unknown): boolean => JSON.stringify(left) === JSON.stringify(right);

const ofCandidate = (candidate: Candidate) => {
  const { grantId, policyIds, claims, outputCap, reservedCostNanoUsd, obligations } = candidate;
  const { allowedTools, stripPatterns } = obligations;
  return {
    grantId,
    policyIds,
    claims: claims.map(claimLine).sort(),
    outputCap,
    approvalFrom: candidate.approvalFrom.map((from) => (from === "token" ? from : `policy:${from}`)),
    maxOutputTokens: obligations.maxOutputTokens,
    reservedTokens: obligations.reservedTokens,
    reservedCostNanoUsd,
    auditLogging: obligations.auditLogging,
    encryptionRequired: obligations.encryptionRequired,
    residency: residencyLine(obligations.residency),
    tools: allowedTools && toolPool.filter((tool) => allowsTool(allowedTools, tool)),
    allowStore: obligations.allowStore,
    strips: stripPatterns && [...stripPatterns.builtIn, ...stripPatterns.patterns].sort(),
  };
};

const ofReference = (candidate: ReferenceCandidate): ReturnType<typeof ofCandidate> => {
  const { toolLists, strips } = candidate;
  return {
    grantId: candidate.grantId as Candidate["grantId"], // Of a policy, whose id is one.
    policyIds: candidate.policyIds as Candidate["policyIds"],
    claims: [...candidate.claims].sort(),
    outputCap: candidate.outputCap,
    approvalFrom: candidate.approvalFrom.map((owner) => owner.replace(/^token:.*/, "token")),
    maxOutputTokens: candidate.maxOutputTokens,
    reservedTokens: candidate.reservedTokens,
    reservedCostNanoUsd: candidate.reservedCostNanoUsd,
    auditLogging: candidate.auditLogging,
    encryptionRequired: candidate.encryptionRequired,
    residency: residencyLine(candidate.residency),
    tools:
      toolLists.length === 0
        ? null
        : toolPool.filter((tool) => toolLists.every((list) => allowsTool(list, tool))),
    allowStore: candidate.allowStore,
    strips:
      strips.length === 0
        ? null
        : [...new Set(strips.flatMap(({ builtIn = [], patterns = [] }) => [...builtIn, ...patterns]))].sort(),
  };
};

const residencyLine = (residency: ReferenceCandidate["residency"]) =>
  residency && `${residency.dataResidency} ${residency.processing} ${residency.euReading}`;
