// Explanations that an administrator reads: what failed, against what, and what would be enough.
import { describe, expect, it } from "vitest";
import { explain } from "../../../src/policy/explain/explain.ts";
import type { Policy } from "../../../src/policy/policy.ts";
import {
  ask,
  capability,
  type DecideInput,
  detailOf,
  nowMs,
  place,
  policyId,
  policyOf,
  snapshotOf,
} from "./decide-fixture.ts";

const explained = (policies: readonly Policy[], changes: Partial<DecideInput> = {}) =>
  explain({ capability, ask, place, nowMs, snapshot: snapshotOf(policies), ...changes });
const nearest = (policies: readonly Policy[], changes: Partial<DecideInput> = {}) =>
  explained(policies, changes).nearest?.changes;
const grantOf = (constraints: object, id = 1) => policyOf({ id: policyId(id), constraints });

describe("a policy's view", () => {
  it("names every constraint that does not hold, with what is and what may be", () => {
    const [view] = explained(
      [
        grantOf({
          allowedRoles: ["employee"],
          maxTokensPerRequest: 50,
          maxPromptCharacters: 1_000,
          parameters: { temperature: { max: 1 }, n: { max: 1 } },
          dataClassification: "public",
          maxTokensPerDay: 10,
        }),
      ],
      { ask: { ...ask, content: { ...ask.content, parameters: { temperature: 2, n: 3 } } } },
    ).policies;
    expect(view).toMatchObject({ policyId: policyId(1), kind: "grant", outcome: "dropped" });
    expect(view?.failed.map(({ constraint, actual, limit }) => [constraint, actual, limit])).toEqual([
      ["allowedRoles", ["analyst"], ["employee"]],
      ["maxTokensPerRequest", 101, 50],
      ["parameters.temperature", 2, "at most 1"],
      ["parameters.n", 3, "at most 1"],
      ["dataClassification", "internal", "public"],
    ]);
  });

  it("says of a deny why it did not match, and of those that cover something else how many they are", () => {
    const told = explained([
      grantOf({}),
      policyOf({ id: policyId(2), effect: "deny", constraints: { allowedCountries: ["US"] } }),
      policyOf({ id: policyId(3), actions: ["embedding"] }),
      policyOf({ id: policyId(4), mode: "shadow", effect: "deny" }),
    ]);
    expect(told).toMatchObject({ decision: "allowed", decidedBy: [policyId(1)], notCovering: 1 });
    expect(told.policies[1]).toMatchObject({
      outcome: "not_matched",
      failed: [{ constraint: "allowedCountries", actual: "DE", limit: ["US"] }],
    });
  });

  it("says of a boundary that it bounds actions as well, and shows no address", () => {
    const told = explained([
      grantOf({ allowedIpRanges: ["198.51.100.0/24"] }),
      policyOf({ id: policyId(2), kind: "boundary", actions: ["embedding"] }),
    ]);
    expect(told).toMatchObject({ code: "outside_boundary", decidedBy: [policyId(2)] });
    expect(told.policies.map(({ failed }) => failed[0])).toMatchObject([
      { constraint: "allowedIpRanges", actual: null, limit: ["198.51.100.0/24"] },
      { constraint: "actions", actual: "chat", limit: ["embedding"] },
    ]);
    expect(JSON.stringify(told)).not.toContain("192.0.2.1");
  });

  it("cuts long lists, and tells two hundred policies at most", () => {
    const names = Array.from({ length: 500 }, (_, index) => `role-${index}`);
    const told = explained(
      Array.from({ length: 203 }, (_, index) => grantOf({ allowedRoles: names }, index + 1)),
    );
    expect(told.policies).toHaveLength(200);
    expect(told.more).toBe(3);
    expect(told.policies[0]?.failed[0]?.limit).toHaveLength(21);
  });

  it("shows the token's own details, and the tenant's limits", () => {
    const snapshot = snapshotOf([grantOf({})], { maxCostPerDay: 1 });
    const authorization = [
      detailOf({ actions: ["embedding"] }),
      detailOf({ constraints: { allowedRoles: ["x"] } }),
    ];
    const told = explained([], {
      snapshot,
      capability: { ...capability, authorization },
      ask: { ...ask, price: null },
    });
    expect(told.token).toMatchObject([
      { covers: false, failed: [] },
      { covers: true, failed: [{ constraint: "allowedRoles" }] },
    ]);
    expect(told.tenant).toMatchObject([{ constraint: "maxCostPerDay", code: "price_unknown" }]);
  });
});

describe("the nearest change", () => {
  it.each<
    [what: string, policies: readonly Policy[], changes: Partial<DecideInput>, expected: readonly object[]]
  >([
    [
      "a shorter prompt",
      [grantOf({ maxTokensPerRequest: 50 })],
      {},
      [{ kind: "request", constraint: "promptTokens", from: 100, to: 49 }],
    ],
    [
      "a limit, where nothing could be asked",
      [grantOf({ maxTokensPerRequest: 2 })],
      { ask: { ...ask, choices: 5 } },
      [
        {
          kind: "set_constraint",
          policyId: policyId(1),
          constraint: "maxTokensPerRequest",
          from: 2,
          to: 105,
        },
      ],
    ],
    [
      "a role",
      [grantOf({ allowedRoles: ["employee"] })],
      {},
      [{ kind: "add_to_list", policyId: policyId(1), constraint: "allowedRoles", to: ["analyst"] }],
    ],
    [
      "no deny",
      [grantOf({}), policyOf({ id: policyId(2), effect: "deny" })],
      {},
      [{ kind: "remove_policy", policyId: policyId(2) }],
    ],
    [
      "a wider boundary",
      [grantOf({}), policyOf({ id: policyId(2), kind: "boundary", actions: ["embedding"] })],
      {},
      [{ kind: "add_to_list", policyId: policyId(2), constraint: "actions", to: ["chat"] }],
    ],
    [
      "a grant, where none covers",
      [policyOf({ actions: ["embedding"] })],
      {},
      [{ kind: "new_grant", to: { actions: ["chat"], resources: [ask.resource] } }],
    ],
    [
      "a token that covers it",
      [grantOf({})],
      { capability: { ...capability, authorization: [detailOf({ actions: ["image"] })] } },
      [{ kind: "extend_token", to: { actions: ["chat"], resources: [ask.resource] } }],
    ],
    [
      "what the token's detail says",
      [grantOf({})],
      {
        capability: {
          ...capability,
          authorization: [detailOf({ constraints: { dataClassification: "public" } })],
        },
      },
      [
        {
          kind: "set_constraint",
          policyId: "token[0]",
          constraint: "dataClassification",
          from: "public",
          to: "internal",
        },
      ],
    ],
    [
      "a later end",
      [grantOf({ validUntil: "2026-01-01T00:00:00.000Z" })],
      {},
      [{ kind: "set_constraint", constraint: "validUntil", to: "2026-09-21T14:13:20.001Z" }],
    ],
    [
      "fewer tools",
      [grantOf({ allowedTools: ["function:look_up"] })],
      { ask: { ...ask, tools: ["function:look_up", "mcp"] } },
      [{ kind: "request", constraint: "tools", to: ["function:look_up"] }],
    ],
    [
      "the grant that lacks least",
      [
        grantOf({ allowedRoles: ["x"], dataClassification: "public" }),
        grantOf({ dataClassification: "public" }, 2),
      ],
      {},
      [{ kind: "set_constraint", policyId: policyId(2), constraint: "dataClassification" }],
    ],
    [
      "one demand, rather than two things asked otherwise",
      [grantOf({ processing: "global", dataResidency: "eu", allowStore: true })],
      { ask: { ...ask, tools: ["mcp"], stores: true } },
      [{ kind: "set_constraint", policyId: policyId(1), constraint: "dataResidency", from: "eu", to: null }],
    ],
    [
      "two things, where it takes two",
      [
        grantOf({}),
        policyOf({ id: policyId(2), effect: "deny" }),
        policyOf({ id: policyId(3), effect: "deny" }),
      ],
      {},
      [
        { kind: "remove_policy", policyId: policyId(2) },
        { kind: "remove_policy", policyId: policyId(3) },
      ],
    ],
    [
      "a price, once, for every limit of cost",
      [grantOf({ maxCostPerDay: 1, maxCostPerMonth: 2 })],
      { ask: { ...ask, price: null } },
      [{ kind: "set_price", to: "known" }],
    ],
  ])("is %s", (_what, policies, changes, expected) => {
    const found = nearest(policies, changes);
    expect(found).toMatchObject(expected);
    expect(found).toHaveLength(expected.length);
  });

  it("is told in a sentence, and names no denied text", () => {
    const policies = [grantOf({ deniedPatterns: { patterns: ["hunter2"] } })];
    const content = { ...ask.content, literals: ["hunter2"] };
    const told = explained(policies, { ask: { ...ask, content } });
    expect(told.nearest?.sentence).toBe("Leave out of the prompt the texts that are denied (patterns[0]).");
    expect(JSON.stringify(told)).not.toContain("hunter2");
    expect(explained([grantOf({ maxTokensPerRequest: 50 })]).nearest?.sentence).toBe(
      "Shorten the prompt from 100 tokens to 49 at most.",
    );
  });
});
