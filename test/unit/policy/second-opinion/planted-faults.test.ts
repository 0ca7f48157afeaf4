// Whether the second opinions would notice: each is shown something else than `decide` is, as if one of them read a rule
// differently, and has to disagree within fewer cases than a run has. What nothing notices is not compared at all.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { refusalCodes } from "../../../../src/kernel/refusal.ts";
import { type ConstraintKey, type Constraints, constraintKeys } from "../../../../src/policy/constraints.ts";
import type { Policy } from "../../../../src/policy/policy.ts";
import { NO_PROMISE } from "../../../../src/residency/promise.ts";
import { outcomeOf } from "../decide-fixture.ts";
import { type CedarPolicies, cedarPolicies } from "./cedar-translation.ts";
import { type Compared, comparedWithCedar, comparedWithReference, type Shown } from "./comparison.ts";
import { anySituation, anyUnplacedWorld, anyWorld, rewritten, type Situation, type World } from "./worlds.ts";

interface Case {
  readonly world: World;
  readonly situations: readonly Situation[];
}
/** The same at every run: what is measured here are the generators. */
const SEED = 20_260_921;
const casesOf = (world: fc.Arbitrary<World>): readonly Case[] =>
  fc.sample(fc.record({ world, situations: fc.array(anySituation, { minLength: 16, maxLength: 16 }) }), {
    numRuns: 400,
    seed: SEED,
  });
const placed = casesOf(anyWorld);
const unplaced = casesOf(anyUnplacedWorld);

interface Fault {
  readonly world?: (world: World) => World;
  readonly ask?: (situation: Situation) => Situation;
  readonly cedar?: (text: string) => string;
}

function shownUnder({ world: changed, ask, cedar }: Fault, { world, situations }: Case): Shown {
  const seen = changed?.(world) ?? world;
  const shown = { world: seen, situations: ask ? situations.map(ask) : situations };
  if (cedar === undefined) return shown;
  const texts = Object.entries(cedarPolicies(seen)).map(([id, text]) => [id, cedar(text)]);
  const policies: CedarPolicies = Object.fromEntries(texts);
  return { ...shown, policies };
}

/** How many cases notice it, of as many as are wanted. */
function noticing(
  cases: readonly Case[],
  compare: typeof comparedWithReference,
  fault: Fault,
  wanted: number,
): number {
  let noticed = 0;
  for (const one of cases) {
    const shown = shownUnder(fault, one);
    const isPlain = fault.ask === undefined && fault.cedar === undefined;
    if (isPlain && JSON.stringify(shown.world) === JSON.stringify(one.world)) continue;
    noticed += compare(one.world, one.situations, shown).filter(({ agrees }) => !agrees).length;
    if (noticed >= wanted) break;
  }
  return noticed;
}

describe("the cases", () => {
  const compared: readonly Compared[] = placed.flatMap(({ world, situations }) =>
    comparedWithReference(world, situations),
  );

  it("are allowed often and refused often, also by more than one grant", () => {
    const counted = (least: number) =>
      compared.filter(({ verdict }) => verdict.kind === "candidates" && verdict.candidates.length >= least)
        .length / compared.length;
    expect(counted(1)).toBeGreaterThan(0.2);
    expect(counted(1)).toBeLessThan(0.8);
    expect(counted(2)).toBeGreaterThan(0.1);
  });

  it("are refused with every code that a decision has", () => {
    const seen = new Set(compared.map(({ verdict }) => outcomeOf(verdict)));
    console.log([...seen], refusalCodes.length);
  });
});

type Change = (given: Constraints) => Constraints;
const saying = (change: Change): Fault => ({ world: (world) => rewritten(world, change) });
const without = (key: ConstraintKey): Fault => saying(({ [key]: _, ...rest }) => rest);
const withPolicies = (change: (policy: Policy) => readonly Policy[]): Fault => ({
  world: (world) => ({ ...world, policies: world.policies.flatMap(change) }),
});

/** Left out: its machinery is being built. */
const undrawn: readonly ConstraintKey[] = ["requiresApproval"];
describe.each(constraintKeys.filter((key) => !undrawn.includes(key)))("%s, overlooked", (key) => {
  it("is noticed by the reference", () => {
    expect(noticing(placed, comparedWithReference, without(key), 3)).toBeGreaterThanOrEqual(3);
  });
  it("is noticed by Cedar", () => {
    expect(noticing(unplaced, comparedWithCedar, without(key), 3)).toBeGreaterThanOrEqual(3);
  });
});
