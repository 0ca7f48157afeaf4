/**
 * A write to a policy, unless it breaks a test that some policy of its scope carries. Judged in the write's own turn: on
 * what will stand beside it, and nothing else. What fails without it already, since the platform, the tenant or a deployment
 * has changed, it does not break: two such policies would else keep each other from ever being written again.
 */
import { MAX_TEST_CASES, MAX_TEST_STEPS } from "../kernel/limits.ts";
import { type Refusal, refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { withOwnPolicies } from "../policy/as-code/policy-set.ts";
import { casesIn } from "../policy/as-code/policy-test.ts";
import {
  type CarriedTest,
  type JudgedCase,
  runPolicyTests,
  stepsOf,
} from "../policy/as-code/run-policy-tests.ts";
import { toldFailures } from "../policy/as-code/validate-policies.ts";
import { meaningless } from "../policy/check-content.ts";
import type { PolicyDocument } from "../policy/policy.ts";
import type { ControlPlaneDeps } from "./control-plane-deps.ts";
import { livePolicySet, ruleOf } from "./live-policy-set.ts";
import { type PolicyChange, policyChange } from "./policy-change.ts";
import type { Change } from "./revisioned-write.store.ts";

type Deps = Pick<ControlPlaneDeps, "policies" | "policyHistory" | "tenants" | "deployments">;

export async function testedChange<P extends PolicyDocument | null>(
  deps: Deps,
  change: PolicyChange<P>,
): Promise<Result<Change<P>>> {
  const refusal = await brokenTest(deps, change);
  if (!refusal.ok) return refusal;
  return refusal.value === null ? ok(policyChange(deps, change)) : fail(refusal.value);
}

async function brokenTest<P extends PolicyDocument | null>(
  deps: Deps,
  { scope, home, id, after }: PolicyChange<P>,
): Promise<Result<Refusal | null>> {
  const address = { scope, home };
  const live = await deps.policies.ofScope(address);
  if (!live.ok) return live;
  const others = live.value.filter((policy) => policy.id !== id);
  const written = after === null ? [] : [after];
  const ofOthers = others.flatMap(testsOf);
  const tests = [...ofOthers, ...written.flatMap(testsOf)];
  if (tests.length === 0) return ok(null);
  const cases = tests.reduce((sum, { test }) => sum + casesIn(test), 0);
  if (cases > MAX_TEST_CASES) {
    const message = `The policies would carry tests of ${cases} cases together; ${MAX_TEST_CASES} are the most.`;
    return ok(meaningless("tests", message));
  }
  const set = await livePolicySet(deps, address, [...others, ...written]);
  if (!set.ok) return set;
  const setBefore = withOwnPolicies(set.value, live.value.map(ruleOf));
  const steps = stepsOf(set.value, tests);
  // Policies of the platform come on top, and must not keep a tenant from having fewer of its own.
  if (steps > MAX_TEST_STEPS && steps > stepsOf(setBefore, live.value.flatMap(testsOf))) {
    const message = `The policies would carry tests of ${steps} cases times policies; ${MAX_TEST_STEPS} are the most.`;
    return ok(meaningless("tests", message));
  }
  const judged = runPolicyTests(set.value, tests);
  if (judged.every(({ passed }) => passed)) return ok(null);
  const before = runPolicyTests(setBefore, ofOthers);
  const [failure] = toldFailures(set.value, brokenOf(judged, before));
  if (failure === undefined) return ok(null);
  const { carrier, test, action, resource, expected, actual } = failure;
  const told = ({ decision, code }: typeof actual) => (code === null ? decision : `${decision} (${code})`);
  const message = `The policy \`${carrier}\` carries the test \`${test}\`, which would fail: ${action} on ${resource} must be ${told(expected)} and would be ${told(actual)}.`;
  const index = after?.tests?.findIndex(({ name }) => name === test) ?? -1;
  const field = after !== null && carrier === after.name && index !== -1 ? `tests[${index}]` : undefined;
  return ok(refuse("policy_tests_failed", { message, ...(field === undefined ? {} : { field }) }));
}

const testsOf = ({ name, tests = [] }: PolicyDocument): readonly CarriedTest[] =>
  tests.map((test) => ({ carrier: name, test }));

/** @param before the first of the cases, in the same order, as they were judged before. */
const brokenOf = (after: readonly JudgedCase[], before: readonly JudgedCase[]): readonly JudgedCase[] =>
  after.filter(({ passed }, index) => !passed && before[index]?.passed !== false);
