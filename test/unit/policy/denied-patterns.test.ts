// Which texts are denied or stripped: of a policy, and of all that bind together.
import { describe, expect, it } from "vitest";
import { constraintSet } from "../../../src/policy/constraint-set.ts";
import type { Constraints } from "../../../src/policy/constraints.ts";
import { contentDemand } from "../../../src/policy/content.ts";
import { literalsOf, patternNamed } from "../../../src/policy/denied-patterns.ts";
import {
  ask,
  capability,
  detailOf,
  firstCandidate,
  judge,
  outcomeOf,
  policyId,
  policyOf,
} from "./decide-fixture.ts";

const stripping = (...patterns: string[]): Constraints => ({ deniedPatterns: { patterns, action: "strip" } });

describe("what is stripped", () => {
  const boundary = (constraints: object) => policyOf({ id: policyId(2), kind: "boundary", constraints });
  const strippedBy = (grant: object, bounding: object, token: Constraints) =>
    firstCandidate(
      judge([policyOf({ constraints: grant }), boundary(bounding)], {
        capability: { ...capability, authorization: [detailOf({ constraints: token })] },
      }),
    ).obligations.stripPatterns;

  it("is what grant, boundaries and token name together, each text once", () => {
    const script = { deniedPatterns: { builtIn: ["script_markup"], patterns: ["b"], action: "strip" } };
    expect(strippedBy(stripping("a"), script, stripping("a", "c"))).toEqual({
      builtIn: ["script_markup"],
      patterns: ["a", "c", "b"],
    });
  });

  it("is nothing where nobody strips, and never what is denied", () => {
    expect(strippedBy({}, {}, {})).toBeNull();
    expect(strippedBy({ deniedPatterns: { patterns: ["x"] } }, {}, stripping("y"))).toEqual({
      builtIn: [],
      patterns: ["y"],
    });
  });

  it("does not hide a text from who denies it", () => {
    const holding = { ask: { ...ask, content: { ...ask.content, literals: ["x"] } } };
    const denying = boundary({ deniedPatterns: { patterns: ["X"] } });
    expect(outcomeOf(judge([policyOf({ constraints: stripping("x") })], holding))).toBe("allowed");
    expect(outcomeOf(judge([policyOf({ constraints: stripping("x") }), denying], holding))).toBe(
      "outside_boundary",
    );
  });
});

it("a fact that nobody worked out is never taken for no", () => {
  const unread = {
    ...ask.content,
    promptCharacters: null,
    parameters: null,
    literals: null,
    canStrip: false,
  };
  for (const constraints of [
    { maxPromptCharacters: 1_000_000 },
    { parameters: { temperature: { max: 9 } } },
    { deniedPatterns: { patterns: ["x"] } },
    stripping("x"),
  ])
    expect(outcomeOf(judge([policyOf({ constraints })], { ask: { ...ask, content: unread } }))).toBe(
      "indeterminate",
    );
  // A name that is in no table cannot be looked up, whatever is known.
  expect(outcomeOf(judge([policyOf({ constraints: { parameters: { brand_new: { max: 9 } } } })]))).toBe(
    "indeterminate",
  );
});

it("asks for what its constraints need, and for nothing without them", () => {
  const demandOf = (constraints: Constraints) => contentDemand([constraintSet("policy:x", constraints)]);
  expect(demandOf({ maxOutputTokens: 5, allowedTools: ["mcp"] })).toBeNull();
  expect(demandOf({ parameters: { n: { max: 1 } } })).toEqual({
    characters: false,
    parameters: true,
    literals: [],
    strips: false,
  });
  expect(demandOf({ maxPromptCharacters: 5, ...stripping("ÄB", "äb") })).toEqual({
    characters: true,
    parameters: false,
    literals: ["äb"],
    strips: true,
  });
});

it("names a match by its set or its place among a policy's own", () => {
  const patterns = { builtIn: ["script_markup" as const], patterns: ["one", "Two"] };
  expect(literalsOf(patterns)).toContain("two");
  expect(patternNamed(patterns, "two")).toBe("patterns[1]");
  expect(patternNamed(patterns, "javascript:")).toBe("script_markup");
});
