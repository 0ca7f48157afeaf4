/** What `POST /v1/policies/validate` takes and answers. */
import * as z from "zod";
import { TenantId } from "../kernel/ids.ts";
import { PolicyTest } from "../policy/as-code/policy-test.ts";
import { ValidationReport } from "../policy/as-code/validation-report.ts";
import { PolicyInput } from "../policy/policy.ts";
import { described, NoQuery } from "./operation-description.ts";

const MAX_POLICIES = 1_000;
const MAX_TESTS = 1_000;

/** All policies that the scope would have: what is not among them would be gone. */
const PolicyProposal = z
  .strictObject({
    tenantId: TenantId.optional(),
    policies: z.array(PolicyInput).max(MAX_POLICIES),
    tests: z.array(PolicyTest).max(MAX_TESTS).optional(),
  })
  .meta({ id: "PolicyProposal" });

export const policyValidationDescriptions = {
  validate: described({
    method: "POST",
    path: "/policies/validate",
    operationId: "validatePolicies",
    summary:
      "Try a set of policies in place of all that are live: problems, tests, coverage, lint, and which requests would be decided otherwise. Writes nothing.",
    scope: "policies:read",
    query: NoQuery,
    body: PolicyProposal,
    example: {
      policies: [
        {
          name: "Support may chat",
          effect: "allow",
          actions: ["chat"],
          resources: ["api://azure-openai/models/gpt-4o"],
          constraints: { allowedRoles: ["support"] },
        },
      ],
      tests: [
        {
          name: "Support is served",
          principals: [{ roles: ["support"] }],
          actions: ["chat"],
          resources: ["api://azure-openai/models/gpt-4o"],
          at: "2026-12-01T09:00:00.000Z",
          expect: { decision: "allowed" },
        },
      ],
    },
    answer: { status: 200, schema: ValidationReport },
    refusals: ["tenant_mismatch", "not_found", "home_not_configured", "meaningless"],
  }),
};
