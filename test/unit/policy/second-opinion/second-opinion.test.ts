// `decide` against two that were written without it: Cedar, for whether an ask is allowed and by which grants, and a
// reference that is written to be read, for all that it answers.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Compared, comparedWithCedar, comparedWithReference } from "./comparison.ts";
import { anySituation } from "./situations.ts";
import { anyUnplacedWorld, anyWorld } from "./worlds.ts";

const WORLDS = 440;
const ASKS_PER_WORLD = 25;
const LEAST_CASES = 10_000;
const TIMEOUT_MS = 60_000;
const situations = fc.array(anySituation, { minLength: ASKS_PER_WORLD, maxLength: ASKS_PER_WORLD });

/** The first on which they differ, without what tells nothing. */
function difference(compared: readonly Compared[]) {
  const found = compared.find(({ agrees }) => !agrees);
  if (found === undefined) return null;
  const { capability, ask, place, nowMs } = found.situation;
  return { decided: found.verdict, other: found.other, asked: { capability, ask, place, nowMs } };
}

describe("a second opinion on every decision", { timeout: TIMEOUT_MS }, () => {
  it.each([
    ["Cedar", anyUnplacedWorld, comparedWithCedar],
    ["the reference", anyWorld, comparedWithReference],
  ] as const)("is %s's, and the same", (_name, worlds, compare) => {
    let cases = 0;
    fc.assert(
      fc.property(worlds, situations, (world, asked) => {
        const compared = compare(world, asked);
        cases += compared.length;
        expect(difference(compared)).toBeNull();
      }),
      { numRuns: WORLDS },
    );
    expect(cases).toBeGreaterThanOrEqual(LEAST_CASES);
  });
});
