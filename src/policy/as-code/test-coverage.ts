/**
 * What tests exercise: of each policy, how often it was looked at, matched and decided; of each of its constraints,
 * whether some case saw it hold and some other saw it fail. A policy or constraint that nothing exercises could say
 * anything.
 */
import { presentKeys } from "../constraint-table.ts";
import type { ConstraintKey } from "../constraints.ts";
import { covers } from "../coverage.ts";
import type { Policy } from "../policy.ts";
import { constraintHolds, isTestable } from "./judge-constraint.ts";
import { decidingLine, type JudgedCase } from "./run-policy-tests.ts";

export interface PolicyCoverage {
  readonly policy: string;
  /** Cases in which the evaluation came to it. */
  readonly considered: number;
  /** Cases in which it held: a grant that allows, a deny that denies, a boundary that the ask is inside of. */
  readonly matched: number;
  /** Cases that it decided. */
  readonly decided: number;
  readonly constraints: readonly ConstraintCoverage[];
}

export interface ConstraintCoverage {
  readonly constraint: ConstraintKey;
  readonly held: number;
  readonly failed: number;
}

export const coverageOf = (
  policies: readonly Policy[],
  judged: readonly JudgedCase[],
): readonly PolicyCoverage[] =>
  policies.filter(({ mode }) => mode === "enforce").map((policy) => coverageOfOne(policy, judged));

function coverageOfOne(policy: Policy, judged: readonly JudgedCase[]): PolicyCoverage {
  let considered = 0;
  let matched = 0;
  let decided = 0;
  for (const { verdict } of judged) {
    const lines = verdict.trace.filter(({ policyId }) => policyId === policy.id);
    if (lines.length > 0) considered += 1;
    const asWritten = policy.effect === "deny" ? "denies" : policy.kind === "boundary" ? "bounds" : "allows";
    if (lines.some(({ outcome }) => outcome === asWritten)) matched += 1;
    if (decidingLine(verdict)?.policyId === policy.id) decided += 1;
  }
  // A boundary has something to say of every ask.
  const concerning = judged.filter(
    ({ asked: { action, resource } }) =>
      policy.kind === "boundary" || covers(policy.actions, policy.resources, action, resource),
  );
  const constraints = presentKeys(policy.constraints)
    .filter((key) => isTestable(key, policy.constraints))
    .map((constraint) => {
      const held = concerning.filter(({ asked }) =>
        constraintHolds(constraint, policy.constraints, asked.input),
      ).length;
      return { constraint, held, failed: concerning.length - held };
    });
  return { policy: policy.name, considered, matched, decided, constraints };
}

/** What no test exercises, as sentences; empty = everything is. */
export const gapsOf = (coverage: readonly PolicyCoverage[]): readonly string[] =>
  coverage.flatMap(({ policy, decided, matched, constraints }) => [
    ...(decided === 0 && matched === 0 ? [`${policy}: no test in which it holds`] : []),
    ...constraints.flatMap(({ constraint, held, failed }) => [
      ...(held === 0 ? [`${policy}: no test in which ${constraint} holds`] : []),
      ...(failed === 0 ? [`${policy}: no test in which ${constraint} fails`] : []),
    ]),
  ]);
