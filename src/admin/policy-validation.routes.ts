/** `POST /v1/policies/validate`: policies as code, judged against what is live, before anything is written. */

import { PLATFORM } from "../kernel/ids.ts";
import { MAX_DIFF_STEPS, MAX_TEST_CASES } from "../kernel/limits.ts";
import { fail, ok } from "../kernel/result.ts";
import { standingPolicies, withOwnPolicies } from "../policy/as-code/policy-set.ts";
import { casesIn } from "../policy/as-code/policy-test.ts";
import { carriedTests, validatePolicies } from "../policy/as-code/validate-policies.ts";
import { meaningless } from "../policy/check-content.ts";
import type { ControlPlaneDeps } from "./control-plane-deps.ts";
import { livePolicySet } from "./live-policy-set.ts";
import { type Operation, operation } from "./operation.ts";
import { policyValidationDescriptions } from "./policy-validation-descriptions.ts";
import { tenantOf } from "./tenant-access.ts";
import { addressOf } from "./tenant-address.ts";

export const policyValidationOperations = (deps: ControlPlaneDeps): readonly Operation[] => [
  operation(
    policyValidationDescriptions.validate,
    async ({ body: { tenantId, policies: inputs, tests = [] }, apiKey }) => {
      const scope = tenantOf(apiKey, tenantId, PLATFORM, "tenantId");
      if (!scope.ok) return scope;
      const address = await addressOf(deps.tenants, scope.value, "tenantId");
      if (!address.ok) return address;
      const proposal = { inputs, tests };
      const cases = carriedTests(proposal).reduce((sum, { test }) => sum + casesIn(test), 0);
      if (cases > MAX_TEST_CASES) {
        return fail(
          meaningless("tests", `These are ${cases} cases; ${MAX_TEST_CASES} are the most at once.`),
        );
      }
      const live = await deps.policies.ofScope(address.value);
      if (!live.ok) return live;
      const before = await livePolicySet(deps, address.value, live.value);
      if (!before.ok) return before;
      const after = withOwnPolicies(before.value, standingPolicies(inputs, scope.value));
      const report = validatePolicies(before.value, after, proposal, {
        fromMs: deps.clock(),
        budget: { left: MAX_DIFF_STEPS },
      });
      return ok({ status: 200, body: report });
    },
  ),
];
