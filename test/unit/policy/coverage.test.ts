// The index finds exactly the rules that the patterns cover, and keeps their order.
import fc from "fast-check";
import { expect, it } from "vitest";
import { coverageIndex, covers } from "../../../src/policy/coverage.ts";
import { decide } from "../../../src/policy/decide.ts";
import { policyId, policyOf } from "./decide-fixture.ts";
import { anyCircumstances, inputOf, policySet } from "./policy-arbitraries.ts";

const segments = ["a", "b", "a.b"] as const;
const resource = fc
  .array(fc.constantFrom(...segments), { minLength: 1, maxLength: 4 })
  .map((names) => `api://${names.join("/")}`);
const pattern = fc.oneof(
  fc.constant("*"),
  resource,
  resource.map((prefix) => `${prefix}/*`),
);
const rule = fc.record({
  actions: fc.subarray(["chat", "embedding", "*"] as const, { minLength: 1 }),
  resources: fc.array(pattern, { minLength: 1, maxLength: 3 }),
});

it("finds what covers, in order, each once", () => {
  const action = fc.constantFrom("chat" as const, "embedding" as const, "image" as const);
  fc.assert(
    fc.property(fc.array(rule, { maxLength: 12 }), action, resource, (rules, asked, named) => {
      const all = rules.map((fields, index) => ({ policy: policyOf({ ...fields, id: policyId(index) }) }));
      const expected = all.filter(({ policy }) => covers(policy.actions, policy.resources, asked, named));
      expect(coverageIndex(all)(asked, named)).toEqual(expected);
    }),
    { numRuns: 1_000 },
  );
});

it("a decision that nobody asks to explain is the same, without a trace", () => {
  fc.assert(
    fc.property(policySet, anyCircumstances, (policies, circumstances) => {
      const input = inputOf(policies, circumstances);
      expect(decide(input, { trace: false })).toEqual({ ...decide(input), trace: [] });
    }),
    { numRuns: 500 },
  );
});
