/** Runs tests against a set of policies, by the decision core itself. */
import type { RefusalCode } from "../../kernel/refusal.ts";
import type { Action } from "../action.ts";
import { decide } from "../decide.ts";
import type { TraceLine, Verdict } from "../decision.ts";
import { type Outcome, outcomeOf } from "../outcome.ts";
import type { Resource } from "../resource.ts";
import { type PolicySet, snapshotOfSet } from "./policy-set.ts";
import type { PolicyTest, TestPrincipal } from "./policy-test.ts";
import { casesOf, type TestCase } from "./test-case.ts";

/** A test, and the policy that carries it; null = the suite's own. */
export interface CarriedTest {
  readonly carrier: string | null;
  readonly test: PolicyTest;
}

export interface JudgedCase {
  readonly carrier: string | null;
  readonly test: PolicyTest;
  readonly asked: TestCase;
  readonly verdict: Verdict;
  readonly passed: boolean;
}

/** What was decided instead of what was expected, and why. */
export interface TestFailure {
  readonly carrier: string | null;
  readonly test: string;
  readonly principal: TestPrincipal;
  readonly action: Action;
  readonly resource: Resource;
  readonly expected: Decided;
  readonly actual: Decided;
  /** Of the trace: the policy that decided; null where none did. */
  readonly policy: string | null;
  readonly constraint: string | null;
}

export interface Decided {
  readonly decision: Outcome;
  readonly code: RefusalCode | null;
}

export function runPolicyTests(set: PolicySet, tests: readonly CarriedTest[]): readonly JudgedCase[] {
  const snapshot = snapshotOfSet(
    set,
    tests.flatMap(({ test }) => test.resources),
  );
  const judged: JudgedCase[] = [];
  for (const { carrier, test } of tests) {
    for (const asked of casesOf(test, snapshot)) {
      const verdict = decide(asked.input);
      judged.push({ carrier, test, asked, verdict, passed: meets(test.expect, decidedBy(verdict)) });
    }
  }
  return judged;
}

const meets = ({ decision, code }: PolicyTest["expect"], actual: Decided): boolean =>
  decision === actual.decision && (code === undefined || code === actual.code);

const decidedBy = (verdict: Verdict): Decided => ({
  decision: outcomeOf(verdict),
  code: verdict.kind === "refused" ? verdict.refusal.code : null,
});

/** @param names of policies by their ids. */
export function failuresOf(
  judged: readonly JudgedCase[],
  names: ReadonlyMap<string, string>,
): readonly TestFailure[] {
  return judged
    .filter(({ passed }) => !passed)
    .map(({ carrier, test, asked, verdict }) => {
      const line = decidingLine(verdict);
      const { decision, code = null } = test.expect;
      const constraint = line?.refusal?.evidence?.constraint;
      return {
        carrier,
        test: test.name,
        principal: asked.principal,
        action: asked.action,
        resource: asked.resource,
        expected: { decision, code },
        actual: decidedBy(verdict),
        policy: line === undefined ? null : (names.get(line.policyId) ?? line.policyId),
        constraint: typeof constraint === "string" ? constraint : null,
      };
    });
}

/** The line that the verdict follows from: what denied, else the first grant that allowed, else the first that dropped out. */
export function decidingLine({ kind, trace }: Verdict): TraceLine | undefined {
  const first = (outcome: TraceLine["outcome"]) => trace.find((line) => line.outcome === outcome);
  return kind === "candidates" ? first("allows") : (first("denies") ?? first("dropped"));
}
