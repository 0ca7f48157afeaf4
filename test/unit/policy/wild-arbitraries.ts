// Whatever the schemas take, however strange: ends of ranges, names of built-in members, contradictions, every mode.
import fc from "fast-check";
import { numericParameters } from "../../../src/azure/numeric-parameters.ts";
import { Action } from "../../../src/policy/action.ts";
import { type ConstraintKey, Constraints, constraintKeys } from "../../../src/policy/constraints.ts";
import type { Ask } from "../../../src/policy/decision.ts";
import type { Policy } from "../../../src/policy/policy.ts";
import { policyId, policyOf } from "./decide-fixture.ts";

const name = fc.oneof(
  fc.constantFrom("tenant-a", "analyst", "__proto__", "constructor", "function", "mcp", "*", ""),
  fc.string({ maxLength: 8 }),
);
const names = fc.array(
  name.filter((text) => text !== ""),
  { minLength: 1, maxLength: 3 },
);
const MAX = Number.MAX_SAFE_INTEGER;
const count = fc.oneof(fc.constantFrom(1, 2, MAX - 1, MAX), fc.integer({ min: 1, max: 2_000 }));
const money = fc.constantFrom(0.000001, 0.1 + 0.2, 9_000_000);
const countries = fc.array(fc.constantFrom("DE", "US", "ZZ"), { minLength: 1, maxLength: 3 });
const anyNumber = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constantFrom(0, -0));
const bound = fc.option(anyNumber, { nil: undefined });
const timestamp = fc.constantFrom(
  "0000-01-01T00:00:00.000Z",
  "2026-09-21T14:13:20.000Z",
  "9999-12-31T23:59:59.999Z",
);
const parameter = fc.constantFrom(...numericParameters, "__proto__", "toString");

const values: Readonly<Record<ConstraintKey, fc.Arbitrary<unknown>>> = {
  allowedTenants: names,
  allowedRoles: names,
  allowedAgents: names,
  maxTokensPerRequest: count,
  maxOutputTokens: count,
  maxPromptCharacters: count,
  parameters: fc.dictionary(parameter, fc.record({ min: bound, max: bound })),
  deniedPatterns: fc.record({
    builtIn: fc.subarray(["script_markup", "data_url_markup"]),
    patterns: fc.array(fc.string({ minLength: 1, maxLength: 6, unit: "binary" }), { maxLength: 3 }),
    action: fc.constantFrom("deny", "strip"),
  }),
  maxRequestsPerMinute: count,
  maxRequestsPerDay: count,
  maxTokensPerMinute: count,
  maxTokensPerDay: count,
  maxCostPerDay: money,
  maxCostPerMonth: money,
  maxConcurrentRequests: count,
  quotaScope: fc.constantFrom("agent", "tenant", "user", "address"),
  dataClassification: fc.constantFrom("public", "internal", "confidential", "restricted"),
  noPersonalData: fc.constantFrom(true, false, { action: "redact" }),
  noSecrets: fc.constantFrom(true, false, { action: "redact" }),
  encryptionRequired: fc.boolean(),
  auditLogging: fc.constantFrom("standard", "detailed"),
  requiresApproval: fc.boolean(),
  allowedCountries: countries,
  deniedCountries: countries,
  allowedIpRanges: fc.constantFrom(["0.0.0.0/0"], ["::/0"], ["192.0.2.7/24", "::ffff:192.0.2.0/120"]),
  validFrom: timestamp,
  validUntil: timestamp,
  dataResidency: fc.constantFrom("eu", "us"),
  processing: fc.constantFrom("region", "zone", "global"),
  allowedTools: names,
  allowStore: fc.boolean(),
};

const constraints = fc
  .subarray([...constraintKeys], { maxLength: 8 })
  .chain((keys) => fc.tuple(...keys.map((key) => values[key].map((value) => [key, value] as const))))
  .map((entries) => Constraints.parse(Object.fromEntries(entries)));

const policy = fc.record({
  mode: fc.constantFrom("enforce", "enforce", "shadow"),
  kind: fc.constantFrom("grant", "grant", "boundary"),
  effect: fc.constantFrom("allow", "allow", "deny"),
  scope: fc.constantFrom("tenant-a", "platform"),
  priority: fc.constantFrom(0, 1_000_000),
  actions: fc.subarray(["*", ...Action.options] as const, { minLength: 1 }),
  resources: fc.subarray(["*", "api://azure-openai/*", "api://azure-openai/models/gpt-4", "api://a"], {
    minLength: 1,
  }),
  constraints,
});

export const wildPolicies: fc.Arbitrary<readonly Policy[]> = fc
  .array(policy, { maxLength: 8 })
  .map((all) => all.map((fields, index) => policyOf({ ...fields, id: policyId(index) })));

const tokens = fc.constantFrom(null, 0, 1, 1_000, MAX);
export const wildAsk: fc.Arbitrary<Partial<Ask>> = fc.record(
  {
    action: fc.constantFrom(...Action.options),
    resource: fc.constantFrom("api://azure-openai/models/gpt-4", "api://a", `api://${"a/".repeat(250)}a`),
    deployment: fc.constantFrom("gpt-4", "__proto__", "nowhere"),
    promptTokens: tokens,
    outputTokens: tokens,
    choices: fc.constantFrom(1, 128, MAX),
    endUser: name,
    tools: fc.option(names),
    stores: fc.option(fc.boolean()),
    price: fc.constantFrom(
      null,
      { inputPicoUsd: MAX, cachedInputPicoUsd: MAX, outputPicoUsd: MAX },
      { inputPicoUsd: 0, cachedInputPicoUsd: 0, outputPicoUsd: null },
    ),
    content: fc.record({
      promptCharacters: tokens,
      parameters: fc.option(fc.dictionary(parameter, fc.option(anyNumber))),
      literals: fc.option(fc.array(fc.string({ maxLength: 6 }), { maxLength: 3 })),
      canStrip: fc.boolean(),
    }),
  },
  { requiredKeys: [] },
);
