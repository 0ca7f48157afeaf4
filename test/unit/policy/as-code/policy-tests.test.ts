// Tests of policies: run by the decision core, frozen, and honest about what they do not exercise.
import { describe, expect, it } from "vitest";
import { PolicyTest } from "../../../../src/policy/as-code/policy-test.ts";
import {
  type CarriedTest,
  failuresOf,
  runPolicyTests,
} from "../../../../src/policy/as-code/run-policy-tests.ts";
import { coverageOf, gapsOf } from "../../../../src/policy/as-code/test-coverage.ts";
import { namesOf } from "../../../../src/policy/as-code/validate-policies.ts";
import type { PolicyInput } from "../../../../src/policy/policy.ts";
import { boundary, deny, GPT, rule, setOf } from "./set-fixture.ts";

const at = "2026-12-01T09:00:00.000Z";
const test = (changes: object = {}): CarriedTest => ({
  carrier: null,
  test: PolicyTest.parse({
    name: "t",
    actions: ["chat"],
    resources: [GPT],
    at,
    expect: { decision: "allowed" },
    ...changes,
  }),
});
/** `decision code` of every case. */
const outcomes = (policies: readonly PolicyInput[], changes: object = {}) => {
  const set = setOf(policies);
  const expected = test({ ...changes, expect: { decision: "pending_approval" } });
  return failuresOf(runPolicyTests(set, [expected]), namesOf(set)).map(({ actual }) =>
    [actual.decision, actual.code].filter(Boolean).join(" "),
  );
};

describe("a test", () => {
  it("asks every principal, action and resource", () => {
    const principals = [{ roles: ["a"] }, {}];
    const resources = [GPT, "api://azure-openai/models/other"];
    const policies = [rule("Chat", { constraints: { allowedRoles: ["a"] } })];
    expect(outcomes(policies, { principals, resources, actions: ["chat", "embedding"] })).toEqual([
      "allowed",
      ...Array(3).fill("denied no_matching_grant"),
      "denied role_not_allowed",
      ...Array(3).fill("denied no_matching_grant"),
    ]);
  });

  it("asks for the least where it says nothing, with place and end user unknown", () => {
    const constraints = {
      maxTokensPerRequest: 2,
      maxPromptCharacters: 1,
      encryptionRequired: true,
      dataClassification: "internal",
    };
    expect(outcomes([rule("Least", { constraints })])).toEqual(["allowed"]);
    for (const unknown of [
      { allowedCountries: ["DE"] },
      { allowedIpRanges: ["192.0.2.0/24"] },
      { maxRequestsPerDay: 1, quotaScope: "address" },
    ])
      expect(outcomes([rule("Known", { constraints: unknown })])).toEqual(["denied indeterminate"]);
    const byUser = { maxRequestsPerDay: 1, quotaScope: "user" };
    expect(outcomes([rule("User", { constraints: byUser })])).toEqual(["denied end_user_required"]);
  });

  it.each<[what: string, constraints: object, changes: object, code: string]>([
    [
      "prompt tokens",
      { maxTokensPerRequest: 100 },
      { ask: { promptTokens: 100 } },
      "tokens_per_request_exceeded",
    ],
    [
      "a prompt that cannot be bounded",
      { maxTokensPerDay: 100 },
      { ask: { promptTokens: null } },
      "unbounded_ask",
    ],
    ["characters", { maxPromptCharacters: 3 }, { ask: { texts: ["four"] } }, "prompt_characters_exceeded"],
    [
      "texts",
      { deniedPatterns: { patterns: ["Project X"] } },
      { ask: { texts: ["about project x"] } },
      "pattern_denied",
    ],
    [
      "texts nobody can read",
      { deniedPatterns: { patterns: ["x"] } },
      { ask: { texts: null } },
      "indeterminate",
    ],
    [
      "parameters",
      { parameters: { n: { max: 1 } } },
      { ask: { parameters: { n: 2 } } },
      "parameter_not_allowed",
    ],
    ["tools", { allowedTools: ["function"] }, { ask: { tools: ["web_search"] } }, "tool_not_allowed"],
    ["storing", { allowStore: true, processing: "region" }, { ask: { store: true } }, "store_not_allowed"],
    [
      "the classification",
      { dataClassification: "internal" },
      { ask: { dataClassification: "restricted" } },
      "classification_exceeded",
    ],
    ["the country", { deniedCountries: ["US"] }, { place: { country: "US" } }, "residency_country"],
    ["TLS", { encryptionRequired: true }, { place: { tlsVersion: "TLSv1.1" } }, "encryption_required"],
    ["the time", { validUntil: at }, {}, "outside_validity"],
    [
      "the token",
      {},
      {
        principals: [
          { authorizationDetails: [{ type: "model_invocation", actions: ["embedding"], locations: ["*"] }] },
        ],
      },
      "outside_token",
    ],
  ])("says %s", (_what, constraints, changes, code) => {
    expect(outcomes([rule("Chat", { constraints })], changes)).toEqual([`denied ${code}`]);
    if (Object.keys(constraints).length > 0) expect(outcomes([rule("Chat")], changes)).toEqual(["allowed"]);
  });

  it("is not passed by another code, and says which policy decided and by which constraint", () => {
    const set = setOf([rule("Chat"), deny("No chat", { constraints: { allowedRoles: ["guest"] } })]);
    const principals = [{ roles: ["guest"] }];
    const denied = { decision: "denied" } as const;
    const tests = [
      test({ principals, expect: denied }),
      test({ principals, expect: { ...denied, code: "denied_by_policy" } }),
      test({ principals, expect: { ...denied, code: "role_not_allowed" } }),
      test({ principals }),
    ];
    const judged = runPolicyTests(set, tests);
    expect(judged.map(({ passed }) => passed)).toEqual([true, true, false, false]);
    expect(failuresOf(judged, namesOf(set))[1]).toMatchObject({
      policy: "No chat",
      expected: { decision: "allowed", code: null },
      actual: { decision: "denied", code: "denied_by_policy" },
    });
  });

  it("has at most 200 cases", () => {
    const many = { actions: ["chat", "embedding", "response"], principals: Array(20).fill({}) };
    const parse = (resources: number) =>
      PolicyTest.safeParse({ ...test().test, ...many, resources: Array(resources).fill(GPT) }).success;
    expect([parse(3), parse(4)]).toEqual([true, false]);
  });
});

describe("coverage", () => {
  const policies = [
    rule("Chat", { constraints: { allowedRoles: ["a"], maxTokensPerRequest: 100, maxTokensPerDay: 5 } }),
    deny("Never here", { actions: ["embedding"] }),
    boundary("Inside", { constraints: { allowedCountries: ["DE"] } }),
  ];
  const place = { country: "DE" };
  const covered = (...tests: readonly CarriedTest[]) =>
    coverageOf(setOf(policies).policies, runPolicyTests(setOf(policies), tests));

  it("counts where a policy was considered, matched and decided, and where its constraints held and failed", () => {
    const coverage = covered(
      test({ place, principals: [{ roles: ["a"] }, {}] }),
      test({ place: { country: "US" }, principals: [{ roles: ["a"] }] }),
      test({ place, actions: ["embedding"] }),
    );
    expect(coverage).toEqual([
      {
        policy: "Chat",
        considered: 2,
        matched: 1,
        decided: 2,
        constraints: [
          { constraint: "allowedRoles", held: 2, failed: 1 },
          { constraint: "maxTokensPerRequest", held: 3, failed: 0 },
        ],
      },
      { policy: "Never here", considered: 1, matched: 1, decided: 1, constraints: [] },
      {
        policy: "Inside",
        considered: 3,
        matched: 2,
        decided: 1,
        constraints: [{ constraint: "allowedCountries", held: 3, failed: 1 }],
      },
    ]);
    expect(gapsOf(coverage)).toEqual(["Chat: no test in which maxTokensPerRequest fails"]);
  });

  it("of no tests is all gaps", () => {
    expect(gapsOf(covered())).toEqual([
      "Chat: no test in which it holds",
      "Chat: no test in which allowedRoles holds",
      "Chat: no test in which allowedRoles fails",
      "Chat: no test in which maxTokensPerRequest holds",
      "Chat: no test in which maxTokensPerRequest fails",
      "Never here: no test in which it holds",
      "Inside: no test in which it holds",
      "Inside: no test in which allowedCountries holds",
      "Inside: no test in which allowedCountries fails",
    ]);
  });
});
