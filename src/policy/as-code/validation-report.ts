/** What is known of a set of policies before it is written: as `POST /v1/policies/validate` answers and the command line reads. */
import * as z from "zod";
import { AgentId, TenantId } from "../../kernel/ids.ts";
import { refusalCodes } from "../../kernel/refusal.ts";
import { Timestamp } from "../../kernel/timestamp.ts";
import { Action } from "../action.ts";
import { LintFinding } from "../lint/lint-finding.ts";
import { Outcome } from "../outcome.ts";
import { TestAsk, TestPlace } from "./policy-test.ts";

const Code = z.enum(refusalCodes);
const Decided = z.object({ decision: Outcome, code: Code.nullable() });
const Principal = z.object({
  agentId: AgentId.optional(),
  roles: z.array(z.string()).optional(),
  tenantId: TenantId.optional(),
});

/** One case of a test that was decided otherwise than expected. */
const ToldFailure = z
  .object({
    carrier: z
      .string()
      .nullable()
      .meta({ description: "The policy that carries the test; null = the suite." }),
    test: z.string(),
    principal: Principal,
    action: Action,
    resource: z.string(),
    expected: Decided,
    actual: Decided,
    policy: z.string().nullable().meta({ description: "The policy that decided; null = none did." }),
    constraint: z.string().nullable(),
  })
  .meta({ id: "PolicyTestFailure" });

const ToldCoverage = z
  .object({
    policy: z.string(),
    considered: z.int(),
    matched: z.int(),
    decided: z.int(),
    constraints: z.array(z.object({ constraint: z.string(), held: z.int(), failed: z.int() })),
  })
  .meta({
    id: "PolicyCoverage",
    description: "In how many cases; of constraints, those that a test can see fail.",
  });

export const ToldArea = z
  .object({
    actions: z.array(Action),
    resources: z
      .array(z.string())
      .meta({ description: "`…/* (others)` is what no pattern names by itself." }),
  })
  .meta({ id: "PolicyDiffArea" });

const Cause = z.object({
  kind: z.enum(["granted", "denied", "outside", "no_grant"]),
  policy: z.string().nullable().meta({ description: "Null where both sets have it, or none is to blame." }),
});

export const ToldClass = z
  .object({
    from: Outcome,
    to: Outcome,
    before: Cause,
    after: Cause,
    assuming: z
      .enum(["no_own_policies", "grants_everything"])
      .nullable()
      .meta({ description: "Of the platform's policies: what the tenant's own are taken to be." }),
    areas: z.array(ToldArea),
    witness: z
      .object({
        principals: z.array(Principal).optional(),
        actions: z.array(Action),
        resources: z.array(z.string()),
        at: Timestamp,
        place: TestPlace.optional(),
        ask: TestAsk.optional(),
      })
      .meta({ description: "One request of the class, as a test would ask it." }),
  })
  .meta({ id: "PolicyDiffClass" });
export type ToldClass = z.infer<typeof ToldClass>;

export const ToldDiff = z
  .object({
    exact: z.boolean().meta({ description: "False where the work would have been too much: see `leftOut`." }),
    becomesAllowed: z.array(ToldClass),
    becomesDenied: z.array(ToldClass),
    becomesPending: z.array(ToldClass),
    leftOut: z.array(ToldArea),
  })
  .meta({ id: "PolicyDiff" });
export type ToldDiff = z.infer<typeof ToldDiff>;

export const ValidationReport = z
  .object({
    valid: z.boolean().meta({ description: "No problem, and no test fails." }),
    problems: z.array(z.object({ path: z.string(), code: Code, message: z.string() })),
    tests: z
      .object({ passed: z.int(), failed: z.int(), failures: z.array(ToldFailure) })
      .nullable()
      .meta({
        description:
          "Counted in cases, carried tests included; the first failures. Null where there are problems.",
      }),
    coverage: z.array(ToldCoverage).nullable(),
    lint: z.object({ complete: z.boolean(), findings: z.array(LintFinding) }).nullable(),
    diff: ToldDiff.nullable().meta({ description: "Against what is live." }),
  })
  .meta({ id: "PolicyValidation" });
export type ValidationReport = z.infer<typeof ValidationReport>;
