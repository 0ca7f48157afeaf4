/**
 * A test of policies: every principal × action × resource, at one moment and from one place, and what must be decided.
 * What it does not say is fixed (test-case.ts), so a test means the same wherever and whenever it runs.
 */
import * as z from "zod";
import { AuthorizationDetail } from "../../capability/claims.ts";
import { AgentId, TenantId } from "../../kernel/ids.ts";
import { refusalCodes } from "../../kernel/refusal.ts";
import { Timestamp } from "../../kernel/timestamp.ts";
import { Action } from "../action.ts";
import { ToolName } from "../allowed-tools.ts";
import { Classification } from "../classification.ts";
import { Outcome } from "../outcome.ts";
import { Resource } from "../resource.ts";

export const MAX_TESTS_OF_POLICY = 20;
const MAX_CASES_OF_TEST = 200;

/** Who asks, as a capability token would say. */
const TestPrincipal = z.strictObject({
  agentId: AgentId.optional(),
  roles: z.array(z.string().min(1).max(100)).max(50).optional(),
  tenantId: TenantId.optional(),
  authorizationDetails: z.array(AuthorizationDetail).min(1).max(20).optional(),
});
export type TestPrincipal = z.infer<typeof TestPrincipal>;

/** Null = nobody knows. */
export const TestPlace = z.strictObject({
  country: z
    .string()
    .regex(/^[A-Z]{2}$/, "must be an ISO 3166-1 alpha-2 code")
    .nullable()
    .optional(),
  tlsVersion: z.string().min(1).max(20).nullable().optional(),
  clientAddress: z.union([z.ipv4(), z.ipv6()]).nullable().optional(),
});
export type TestPlace = z.infer<typeof TestPlace>;

const tokens = z.int().min(0).max(Number.MAX_SAFE_INTEGER);

/** What is asked, in the words of `context` of /v1/enforce; null = nobody knows, or it cannot be told. */
export const TestAsk = z.strictObject({
  promptTokens: tokens.nullable().optional(),
  maxOutputTokens: tokens.nullable().optional(),
  choices: z.int().min(1).max(128).optional(),
  dataClassification: Classification.optional(),
  user: z.string().min(1).max(200).nullable().optional(),
  tools: z.array(ToolName).max(100).nullable().optional(),
  store: z.boolean().nullable().optional(),
  promptCharacters: tokens.nullable().optional(),
  /** By name; null in here is a value that is no number. */
  parameters: z.record(z.string().min(1).max(64), z.number().nullable()).nullable().optional(),
  /** Texts that stand in the prompt; null = texts that the gateway cannot read. */
  texts: z.array(z.string().min(1).max(1_000)).max(50).nullable().optional(),
});
export type TestAsk = z.infer<typeof TestAsk>;

const fields = {
  name: z.string().min(1).max(200),
  /** One without roles where none is named. */
  principals: z.array(TestPrincipal).min(1).max(20).optional(),
  actions: z.array(Action).min(1).max(10),
  resources: z.array(Resource).min(1).max(50),
  place: TestPlace.optional(),
  ask: TestAsk.optional(),
  expect: z.strictObject({
    decision: Outcome,
    /** Of the refusal; any where it is not said. */
    code: z.enum(refusalCodes).optional(),
  }),
};

/** How many questions it asks. */
export const casesIn = ({
  principals,
  actions,
  resources,
}: {
  readonly principals?: readonly unknown[] | undefined;
  readonly actions: readonly unknown[];
  readonly resources: readonly unknown[];
}): number => (principals?.length ?? 1) * actions.length * resources.length;

const tooMany = `must not make more than ${MAX_CASES_OF_TEST} cases: principals times actions times resources`;

const Test = z
  .strictObject({ ...fields, at: Timestamp })
  .refine((test) => casesIn(test) <= MAX_CASES_OF_TEST, tooMany);
export const PolicyTest = Test.meta({ id: "PolicyTest" });
export type PolicyTest = z.infer<typeof PolicyTest>;

/** As it is answered, with what was left out of its authorization details filled in. */
export const ShownPolicyTest = Test.meta({ id: "ShownPolicyTest" });

/** In a file that says once when and where its tests are. */
export const SuiteTest = z
  .strictObject({ ...fields, at: Timestamp.optional() })
  .refine((test) => casesIn(test) <= MAX_CASES_OF_TEST, tooMany);
export type SuiteTest = z.infer<typeof SuiteTest>;
