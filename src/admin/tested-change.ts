/**
 * A write to a policy, unless a test that some policy of its scope carries would fail after it. Judged in the write's own
 * turn: on what will stand beside it, and nothing else.
 */
import { MAX_TEST_CASES } from "../kernel/limits.ts";
import { type Refusal, refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { casesIn } from "../policy/as-code/policy-test.ts";
import { type CarriedTest, runPolicyTests } from "../policy/as-code/run-policy-tests.ts";
import { toldFailures } from "../policy/as-code/validate-policies.ts";
import { meaningless } from "../policy/check-content.ts";
import type { PolicyDocument } from "../policy/policy.ts";
import type { ControlPlaneDeps } from "./control-plane-deps.ts";
import { livePolicySet } from "./live-policy-set.ts";
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
  const standing = [...live.value.filter((policy) => policy.id !== id), ...(after === null ? [] : [after])];
  const tests = standing.flatMap((policy): readonly CarriedTest[] =>
    (policy.tests ?? []).map((test) => ({ carrier: policy.name, test })),
  );
  if (tests.length === 0) return ok(null);
  const cases = tests.reduce((sum, { test }) => sum + casesIn(test), 0);
  if (cases > MAX_TEST_CASES) {
    const message = `The policies would carry tests of ${cases} cases together; ${MAX_TEST_CASES} are the most.`;
    return ok(meaningless("tests", message));
  }
  const set = await livePolicySet(deps, address, standing);
  if (!set.ok) return set;
  const [failure] = toldFailures(set.value, runPolicyTests(set.value, tests));
  if (failure === undefined) return ok(null);
  const { carrier, test, action, resource, expected, actual } = failure;
  const told = ({ decision, code }: typeof actual) => (code === null ? decision : `${decision} (${code})`);
  const message = `The policy \`${carrier}\` carries the test \`${test}\`, which would fail: ${action} on ${resource} must be ${told(expected)} and would be ${told(actual)}.`;
  const index = after?.tests?.findIndex(({ name }) => name === test) ?? -1;
  const field = after !== null && carrier === after.name && index !== -1 ? `tests[${index}]` : undefined;
  return ok(refuse("policy_tests_failed", { message, ...(field === undefined ? {} : { field }) }));
}
