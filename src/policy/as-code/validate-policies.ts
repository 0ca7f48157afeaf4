/** All that can be said of a set of policies that is to replace another: problems, tests, coverage, lint and diff. */
import { jsonPath } from "../../kernel/parse-document.ts";
import { checkPolicy } from "../check-policy.ts";
import { type DiffOptions, type PolicyDiff, policyDiff } from "../diff/policy-diff.ts";
import { lintPolicies } from "../lint/lint-policies.ts";
import type { PolicyInput } from "../policy.ts";
import { ownPolicies, type PolicySet } from "./policy-set.ts";
import type { PolicyTest } from "./policy-test.ts";
import { type CarriedTest, failuresOf, type JudgedCase, runPolicyTests } from "./run-policy-tests.ts";
import { coverageOf } from "./test-coverage.ts";
import type { ToldClass, ToldDiff, ValidationReport } from "./validation-report.ts";

export interface Proposal {
  readonly inputs: readonly PolicyInput[];
  /** Of the suite, beside those that policies carry. */
  readonly tests: readonly PolicyTest[];
}

/** Failures told at most: the rest is counted. */
const MAX_FAILURES = 100;

export type Problem = ValidationReport["problems"][number];

/** What the policies themselves get wrong, each by its path in the list. */
export const problemsOf = (inputs: readonly PolicyInput[]): readonly Problem[] =>
  inputs.flatMap((input, index): readonly Problem[] => {
    const refusal = checkPolicy(input);
    const path = jsonPath(["policies", index]);
    const first = inputs.findIndex(({ name }) => name === input.name);
    return [
      ...(refusal === null
        ? []
        : [
            {
              path: [path, refusal.field].filter(Boolean).join("."),
              code: refusal.code,
              message: refusal.message,
            },
          ]),
      ...(first === index
        ? []
        : [
            {
              path: `${path}.name`,
              code: "meaningless" as const,
              message: `\`policies[${first}]\` has this name, which is how policies are told apart.`,
            },
          ]),
    ];
  });

export const carriedTests = ({ inputs, tests }: Proposal): readonly CarriedTest[] => [
  ...inputs.flatMap(({ name, tests: carried = [] }) => carried.map((test) => ({ carrier: name, test }))),
  ...tests.map((test) => ({ carrier: null, test })),
];

/** @param after the proposal as it would be in force, in place of `before`. */
export function validatePolicies(
  before: PolicySet,
  after: PolicySet,
  proposal: Proposal,
  options: DiffOptions,
): ValidationReport {
  const problems = problemsOf(proposal.inputs);
  if (problems.length > 0) {
    return { valid: false, problems: [...problems], tests: null, coverage: null, lint: null, diff: null };
  }
  const judged = runPolicyTests(after, carriedTests(proposal));
  const failed = judged.filter(({ passed }) => !passed).length;
  // In this order: what lint leaves of the steps is its own to miss, a diff that is not whole stops a push.
  const diff = policyDiff(before, after, options);
  const lint = lintPolicies(after, options);
  return {
    valid: failed === 0,
    problems: [],
    tests: { passed: judged.length - failed, failed, failures: [...toldFailures(after, judged)] },
    coverage: coverageOf(ownPolicies(after), judged).map(({ constraints, ...told }) => ({
      ...told,
      constraints: [...constraints],
    })),
    lint: { complete: lint.complete, findings: [...lint.findings] },
    diff: toldDiff(diff),
  };
}

export const namesOf = ({ policies, platformPolicies }: PolicySet): ReadonlyMap<string, string> =>
  new Map([...platformPolicies, ...policies].map(({ id, name }) => [id, name]));

export const toldFailures = (
  set: PolicySet,
  judged: readonly JudgedCase[],
): NonNullable<ValidationReport["tests"]>["failures"] =>
  failuresOf(judged, namesOf(set))
    .slice(0, MAX_FAILURES)
    .map(({ principal: { authorizationDetails: _details, ...principal }, action, ...failure }) => ({
      ...failure,
      principal,
      action,
    }));

export function toldDiff({ exact, classes, leftOut }: PolicyDiff): ToldDiff {
  const told = classes.map(
    ({ areas, ...one }): ToldClass => ({
      ...one,
      areas: areas.map(({ actions, resources }) => ({ actions: [...actions], resources: [...resources] })),
    }),
  );
  const becoming = (outcome: ToldClass["to"]) => told.filter(({ to }) => to === outcome);
  return {
    exact,
    becomesAllowed: becoming("allowed"),
    becomesDenied: becoming("denied"),
    becomesPending: becoming("pending_approval"),
    leftOut: leftOut.map(({ actions, resources }) => ({ actions: [...actions], resources: [...resources] })),
  };
}
