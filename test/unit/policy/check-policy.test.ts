import { describe, expect, it } from "vitest";
import { checkPolicy } from "../../../src/policy/check-policy.ts";
import { type ConstraintKey, constraintKeys } from "../../../src/policy/constraints.ts";
import { PolicyInput } from "../../../src/policy/policy.ts";

const policy = (fields: Record<string, unknown>) =>
  PolicyInput.parse({
    name: "p",
    effect: "allow",
    actions: ["chat"],
    resources: ["api://azure-openai/models/gpt-4"],
    ...fields,
  });

/** One valid value of every constraint. */
const samples: Readonly<Record<ConstraintKey, unknown>> = {
  allowedTenants: ["t"],
  allowedRoles: ["r"],
  allowedAgents: [`agent_${"0".repeat(32)}`],
  maxTokensPerRequest: 1,
  maxOutputTokens: 1,
  maxPromptCharacters: 1,
  parameters: { temperature: { max: 1 } },
  deniedPatterns: { patterns: ["x"] },
  maxRequestsPerMinute: 1,
  maxRequestsPerDay: 1,
  maxTokensPerMinute: 1,
  maxTokensPerDay: 1,
  maxCostPerDay: 1,
  maxCostPerMonth: 1,
  maxConcurrentRequests: 1,
  quotaScope: "tenant",
  dataClassification: "internal",
  noPersonalData: true,
  noSecrets: true,
  encryptionRequired: true,
  auditLogging: "detailed",
  requiresApproval: true,
  allowedCountries: ["DE"],
  deniedCountries: ["DE"],
  allowedIpRanges: ["10.0.0.0/8"],
  validFrom: "2026-01-01T00:00:00.000Z",
  validUntil: "2026-01-01T00:00:00.000Z",
  dataResidency: "eu",
  processing: "zone",
  allowedTools: ["x"],
  allowStore: false,
};

const selecting = new Set<ConstraintKey>([
  "allowedTenants",
  "allowedRoles",
  "allowedAgents",
  "dataClassification",
  "allowedCountries",
  "deniedCountries",
  "allowedIpRanges",
  "validFrom",
  "validUntil",
]);

describe("a policy that denies", () => {
  it.each(constraintKeys)("with %s has a meaning only if that selects", (key) => {
    const refusal = checkPolicy(policy({ effect: "deny", constraints: { [key]: samples[key] } }));
    if (selecting.has(key)) expect(refusal).toBeNull();
    else expect(refusal).toMatchObject({ code: "meaningless", field: `constraints.${key}` });
  });
});

/** What a constraint needs beside it to mean anything. */
const beside: Partial<Record<ConstraintKey, object>> = { quotaScope: { maxRequestsPerDay: 1 } };

describe("a policy that allows", () => {
  it.each(constraintKeys)("may carry %s", (key) => {
    expect(checkPolicy(policy({ constraints: { ...beside[key], [key]: samples[key] } }))).toBeNull();
  });

  it("says by what it counts only where it counts something", () => {
    expect(
      checkPolicy(policy({ constraints: { quotaScope: "user", maxTokensPerRequest: 9 } })),
    ).toMatchObject({ code: "meaningless", field: "constraints.quotaScope" });
  });
});

it.each(["maxCostPerDay", "maxCostPerMonth"])("%s is an amount that stays exact in nano-USD", (key) => {
  for (const usd of [0.000001, 0.1, 9_000_000]) {
    expect(PolicyInput.shape.constraints.safeParse({ [key]: usd }).success).toBe(true);
  }
  for (const usd of [0, -1, 0.0000009, 9_000_000.1, Number.POSITIVE_INFINITY]) {
    expect(PolicyInput.shape.constraints.safeParse({ [key]: usd }).success).toBe(false);
  }
});

it("takes either mode, and any priority", () => {
  for (const mode of ["enforce", "shadow"]) expect(checkPolicy(policy({ mode }))).toBeNull();
  for (const priority of [0, 99, 1_000_000]) expect(checkPolicy(policy({ priority }))).toBeNull();
});

it.each([
  [{ parameters: { temperature: {} } }, "constraints.parameters.temperature"],
  [{ parameters: { temperature: { min: 2, max: 1 } } }, "constraints.parameters.temperature"],
  [
    { validFrom: "2026-02-01T00:00:00.000Z", validUntil: "2026-01-01T00:00:00.000Z" },
    "constraints.validUntil",
  ],
  [
    { validFrom: "2026-02-01T00:00:00.000Z", validUntil: "2026-02-01T00:00:00.000Z" },
    "constraints.validUntil",
  ],
])("refuses the empty range %j", (constraints, field) => {
  expect(checkPolicy(policy({ constraints }))).toMatchObject({ code: "meaningless", field });
});

describe("a boundary", () => {
  it.each(constraintKeys)("may carry %s", (key) => {
    const constraints = { ...beside[key], [key]: samples[key] };
    expect(checkPolicy(policy({ kind: "boundary", constraints }))).toBeNull();
  });

  it("says what is inside, and denies nothing by itself", () => {
    expect(checkPolicy(policy({ kind: "boundary", effect: "deny" }))).toMatchObject({
      code: "meaningless",
      field: "effect",
    });
  });
});

describe("what could never mean what it says", () => {
  it.each<[constraints: object, field: string, named: string]>([
    [{ allowedCountries: ["DE", "ZZ"] }, "allowedCountries", "ZZ"],
    [{ deniedCountries: ["UK"] }, "deniedCountries", "UK"],
    [{ allowedCountries: ["EU"] }, "allowedCountries", "EU"],
    [{ allowedCountries: ["DE", "FR"], deniedCountries: ["KP", "FR"] }, "deniedCountries", "FR"],
    [{ allowedIpRanges: ["192.0.2.0/24", "192.0.2.1/24"] }, "allowedIpRanges", "192.0.2.1/24"],
    [{ allowedIpRanges: ["2001:db8::1/64"] }, "allowedIpRanges", "2001:db8::1/64"],
    [{ allowStore: true, dataResidency: "eu" }, "allowStore", "dataResidency"],
  ])("%j is refused and named", (constraints, field, named) => {
    const refusal = checkPolicy(policy({ constraints }));
    expect(refusal).toMatchObject({ code: "meaningless", field: `constraints.${field}` });
    expect(refusal?.message).toContain(`\`${named}\``);
  });

  it.each<[constraints: object, field: string]>([
    [{ allowedAgents: [`agent_${"0".repeat(32)}`, "somebody"] }, "allowedAgents[1]"],
    [{ parameters: {} }, "parameters"],
    [{ parameters: { temprature: { max: 1 } } }, "parameters.temprature"],
    [{ parameters: { max_tokens: { max: 1 } } }, "parameters.max_tokens"],
    [{ deniedPatterns: {} }, "deniedPatterns"],
    [{ deniedPatterns: { builtIn: [], patterns: [] } }, "deniedPatterns"],
    [{ deniedPatterns: { patterns: ["fine", "Cafe\u0301"] } }, "deniedPatterns.patterns[1]"],
    [{ deniedPatterns: { patterns: [" x"] } }, "deniedPatterns.patterns[0]"],
    [{ deniedPatterns: { patterns: ["sec\u200bret"] } }, "deniedPatterns.patterns[0]"],
    [{ deniedPatterns: { patterns: ["\ud83d"] } }, "deniedPatterns.patterns[0]"],
  ])("%j is refused, and told where", (constraints, field) => {
    expect(checkPolicy(policy({ constraints }))).toMatchObject({
      code: "meaningless",
      field: `constraints.${field}`,
    });
  });

  it.each<[constraints: object]>([
    [{ deniedPatterns: { patterns: ["Caf\u00e9", "a  b", "\ud83d\ude00"], action: "strip" } }],
    [{ allowedCountries: ["DE", "XK"], deniedCountries: ["KP"] }],
    [{ allowedIpRanges: ["192.0.2.0/24", "2001:db8::/32", "::ffff:192.0.2.0/120"] }],
    [{ allowStore: false, dataResidency: "eu" }],
  ])("%j is not", (constraints) => {
    expect(checkPolicy(policy({ constraints }))).toBeNull();
  });
});

it.each([["Germany"], ["de"], ["T1"], ["D"]])("a country %s is no code at all", (code) => {
  expect(PolicyInput.shape.constraints.safeParse({ allowedCountries: [code] }).success).toBe(false);
});

it("takes a range of one value and a proper span of time", () => {
  const constraints = {
    parameters: { temperature: { min: 1, max: 1 } },
    validFrom: "2026-01-01T00:00:00.000Z",
    validUntil: "2026-01-01T00:00:00.001Z",
  };
  expect(checkPolicy(policy({ constraints }))).toBeNull();
});
