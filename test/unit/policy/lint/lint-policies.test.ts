// Lint: every finding has a set that has it, and the nearest set that has not.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PLATFORM } from "../../../../src/kernel/ids.ts";
import type { PolicySet } from "../../../../src/policy/as-code/policy-set.ts";
import {
  snapshotOfSet,
  standingPolicies,
  withOwnPolicies,
} from "../../../../src/policy/as-code/policy-set.ts";
import { decide } from "../../../../src/policy/decide.ts";
import { lintPolicies } from "../../../../src/policy/lint/lint-policies.ts";
import { outcomeOf } from "../../../../src/policy/outcome.ts";
import type { PolicyInput } from "../../../../src/policy/policy.ts";
import { anyTime, boundary, deny, platformSetOf, rule, setOf } from "../as-code/set-fixture.ts";
import { anyCircumstances, inputOf, policySet } from "../policy-arbitraries.ts";

const lint = (set: PolicySet, fromMs: number | null = null) => {
  const { complete, findings } = lintPolicies(set, { ...anyTime(), fromMs });
  expect(complete).toBe(true);
  return findings.map(({ code, policy }) => `${code} ${policy}`);
};
const found = (...inputs: readonly PolicyInput[]) => lint(setOf(inputs));
const PREFIX = "api://azure-openai/models/*";

describe("unreachable", () => {
  it("is a grant that denies cover, and not one of which something is left", () => {
    const wide = deny("No models", { actions: ["*"], resources: [PREFIX] });
    expect(found(rule("Chat"), wide)).toEqual(["unreachable Chat"]);
    const support = deny("No support", { constraints: { allowedRoles: ["support"] } });
    expect(found(rule("Chat"), support)).toEqual([]);
    expect(found(rule("Chat", { constraints: { allowedRoles: ["support"] } }), support)).toContain(
      "unreachable Chat",
    );
    const both = rule("Both", { constraints: { allowedRoles: ["lead"] } });
    expect(found(both, support)).toEqual([]);
  });

  it("is a grant outside a boundary, also of the platform", () => {
    const inside = boundary("Inside", { constraints: { allowedCountries: ["DE"] } });
    const outside = rule("Abroad", { constraints: { allowedCountries: ["US"] } });
    expect(found(outside, inside)).toContain("unreachable Abroad");
    expect(found(rule("Anywhere"), inside)).toEqual([]);
    const platformPolicies = standingPolicies([inside], PLATFORM);
    expect(lint(setOf([outside], { platformPolicies }))).toEqual(["unreachable Abroad"]);
  });

  it("is a grant whose time is over, at the moment that is asked about", () => {
    const past = rule("Past", { constraints: { validUntil: "2026-01-01T00:00:00.000Z" } });
    expect(found(past)).toEqual([]);
    expect(lint(setOf([past]), Date.UTC(2026, 0, 1))).toEqual(["unreachable Past"]);
    expect(lint(setOf([past]), Date.UTC(2025, 11, 31))).toEqual([]);
  });

  it("is a grant that demands what no backend keeps", () => {
    const constraints = { dataResidency: "us" };
    expect(found(rule("US", { constraints }))).toEqual([]);
    expect(
      found(rule("US", { constraints }), boundary("EU", { constraints: { dataResidency: "eu" } })),
    ).toContain("unreachable US");
  });
});

describe("shadowed", () => {
  it("is a grant behind one that covers it and has no limits", () => {
    const narrow = rule("Narrow", { constraints: { allowedRoles: ["a"], maxTokensPerDay: 5 } });
    expect(found(rule("Wide"), narrow)).toEqual(["shadowed Narrow"]);
    expect(found(narrow, rule("Wide"))).toEqual([]);
    expect(found(rule("Wide", { constraints: { maxRequestsPerDay: 5 } }), narrow)).toEqual([]);
    expect(found(rule("Late", { priority: 200 }), narrow)).toEqual([]);
  });

  it("is a grant that several together cover", () => {
    const internal = rule("Low", { constraints: { dataClassification: "internal" } });
    const one = rule("DE", { constraints: { allowedCountries: ["DE"] } });
    const other = rule("Not DE", { constraints: { deniedCountries: ["DE"] } });
    const known = rule("Known", { constraints: { deniedCountries: ["KP"], maxCostPerDay: 1 } });
    expect(found(one, other, known)).toEqual(["shadowed Known"]);
    expect(found(internal, one, known)).toEqual([]);
  });
});

describe("redundant", () => {
  it("is what no decision depends on, and not what limits or obliges", () => {
    expect(found(rule("Narrow", { constraints: { allowedRoles: ["a"] } }), rule("Wide"))).toEqual([
      "redundant Narrow",
    ]);
    expect(
      found(
        rule("Detailed", { constraints: { allowedRoles: ["a"], auditLogging: "detailed" } }),
        rule("Wide"),
      ),
    ).toEqual([]);
    expect(found(rule("Chat"), deny("No embedding", { actions: ["embedding"] }))).toEqual([
      "redundant No embedding",
    ]);
    expect(found(rule("Chat"), boundary("All"))).toEqual(["redundant All"]);
    expect(found(rule("Chat"), boundary("All", { constraints: { maxTokensPerDay: 5 } }))).toEqual([]);
  });

  it("of the platform is what matters to no tenant", () => {
    expect(lint(platformSetOf([boundary("Chat only", { actions: ["chat"] })]))).toEqual([]);
    expect(lint(platformSetOf([deny("Never")]))).toEqual([]);
    expect(lint(platformSetOf([boundary("All")]))).toEqual(["redundant All"]);
  });
});

it("over-broad is a grant of everything that nothing narrows", () => {
  expect(found(rule("All", { actions: ["*"] }))).toEqual(["over_broad All"]);
  expect(found(rule("All", { resources: ["*"], constraints: { allowedRoles: ["root"] } }))).toEqual([]);
  expect(found(rule("Files", { actions: ["file", "chat"] }))).toEqual(["reserved_action Files"]);
});

it("a name that stands twice is found", () => {
  expect(found(rule("Same"), rule("Same", { actions: ["embedding"] }))).toEqual(["duplicate_name Same"]);
});

it("what does not end within its bound is not reported, and said", () => {
  expect(
    lintPolicies(setOf([rule("Chat"), deny("Chat not")]), { fromMs: null, budget: { left: 3 } }),
  ).toMatchObject({
    complete: false,
  });
});

it("no finding is false: what is unreachable never allows, and what is redundant changes nothing", () => {
  fc.assert(
    fc.property(
      policySet,
      fc.array(anyCircumstances, { minLength: 20, maxLength: 20 }),
      (policies, asked) => {
        const named = policies.map((policy, index) => ({
          ...policy,
          name: `p${index}`,
          scope: policy.scope,
        }));
        const own = named.filter(({ scope }) => scope !== "platform");
        const base = setOf([], {
          policies: own,
          platformPolicies: named.filter(({ scope }) => scope === "platform"),
        });
        const { findings } = lintPolicies(base, anyTime());
        const useless = findings.filter(
          ({ code }) => code === "unreachable" || code === "redundant" || code === "shadowed",
        );
        for (const circumstances of asked) {
          const input = inputOf(named, {
            ...circumstances,
            capability: { ...circumstances.capability, authorization: null },
            limits: {},
            promise: base.tenant.residency,
          });
          const { content } = input.ask;
          const isReadable = content.literals !== null;
          const ask = {
            ...input.ask,
            // What cannot be cut is a picture.
            action: input.ask.outputIsFixed ? ("image" as const) : input.ask.action,
            clientAddress: input.place.clientAddress,
            price: { inputPicoUsd: 1, cachedInputPicoUsd: 1, outputPicoUsd: 1 },
            content: {
              ...content,
              canStrip: isReadable,
              promptCharacters: isReadable ? content.promptCharacters : null,
            },
          };
          const verdictOf = (set: PolicySet) =>
            decide({ ...input, ask, snapshot: snapshotOfSet(set, [ask.resource]) });
          for (const { code, policy: name } of useless) {
            const policy = own.find((one) => one.name === name);
            const verdict = verdictOf(base);
            const charged = verdict.kind === "candidates" ? verdict.candidates[0].grantId : null;
            if (code !== "redundant" && policy) expect(charged).not.toBe(policy.id);
            if (code !== "redundant") continue;
            const without = withOwnPolicies(
              base,
              own.filter((one) => one.name !== name),
            );
            expect(outcomeOf(verdictOf(without))).toBe(outcomeOf(verdict));
          }
        }
      },
    ),
    { numRuns: 60 },
  );
});
