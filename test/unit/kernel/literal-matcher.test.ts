// Literal texts are found wherever they stand, and removed so that none is left, in linear time.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { folded, literalMatcher } from "../../../src/kernel/literal-matcher.ts";

/** From few letters, so that literals overlap, nest and close up. */
const word = fc.string({ unit: fc.constantFrom("a", "b", "C", "<"), minLength: 1, maxLength: 4 });
const literals = fc.array(word.map(folded), { minLength: 1, maxLength: 5 });
const text = fc.string({ unit: fc.constantFrom("a", "B", "c", "<", "x"), maxLength: 40 });

const foundIn = (searched: string, among: readonly string[]): readonly string[] => {
  const found = new Set<string>();
  literalMatcher(among).find(searched, found);
  return [...found].sort();
};

describe("folding", () => {
  it("keeps every unit at its place, whatever stands beside it", () => {
    for (let code = 0; code <= 0x10ffff; code += 1) {
      const character = String.fromCodePoint(code);
      const lower = folded(character);
      if (lower.length !== character.length) expect.fail(`U+${code.toString(16)} changes its length`);
      if (folded(`A${character}`) !== `a${lower}`) expect.fail(`U+${code.toString(16)} depends on its place`);
      if (folded(lower) !== lower) expect.fail(`U+${code.toString(16)} folds twice`);
    }
  });
});

describe("finding", () => {
  it("tells exactly the literals that stand in the text, whatever their case", () => {
    fc.assert(
      fc.property(literals, text, (among, searched) => {
        const expected = [...new Set(among)].filter((literal) => folded(searched).includes(literal));
        expect(foundIn(searched, among)).toEqual(expected.sort());
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("stripping", () => {
  const isSubsequence = (part: string, whole: string): boolean => {
    let next = 0;
    for (const unit of whole) if (unit === part[next]) next += 1;
    return next === part.length;
  };

  it("leaves no match behind, adds nothing, and is done after once", () => {
    fc.assert(
      fc.property(literals, text, (among, searched) => {
        const matcher = literalMatcher(among);
        const stripped = matcher.strip(searched);
        expect(foundIn(stripped, among)).toEqual([]);
        expect(matcher.strip(stripped)).toBe(stripped);
        expect(isSubsequence(stripped, searched)).toBe(true);
        if (foundIn(searched, among).length === 0) expect(stripped).toBe(searched);
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ["a <SCRIPT>b</Script>", "a >b>"],
    ["a <scr<scriptipt>b", "a >b"],
    ["<scr<scr<scriptiptipt x", " x"],
    ["😀<script😀", "😀😀"],
    ["\ud83d<script", "\ud83d"],
    ["nothing", "nothing"],
  ])("makes of %j %j", (before, after) => {
    expect(literalMatcher(["<script", "</script"]).strip(before)).toBe(after);
  });

  it("takes time in proportion to the text, however deep matches nest", () => {
    const deep = 200_000;
    const nested = `${"<scr".repeat(deep)}<script${"ipt".repeat(deep)}`;
    const { strip } = literalMatcher(["<script"]);
    const startedAtMs = performance.now();
    expect(strip(nested)).toBe("");
    // Quadratic time would be minutes.
    expect(performance.now() - startedAtMs).toBeLessThan(5_000);
  });
});
