/**
 * Is there a request under which some policies hold and certain others do not? One value is chosen in each dimension: it
 * must leave the first standing, and each of the others must fall in one dimension at least. What is kept on the way is
 * only which of them still stand, and of two ways the one with fewer: nothing is lost, and nothing is enumerated twice.
 */
import type { Dimension, Patch } from "./dimension.ts";
import type { Entry } from "./entry.ts";
import type { Point } from "./point.ts";
import { TooManyRoleSets } from "./set-patches.ts";

/** Steps that a diff may take, shared by all its searches: a bound on work that no clock is needed for. */
export interface Budget {
  left: number;
}

/** Bit i stands for entry i. */
type Mask = bigint;

interface Option {
  readonly patch: Patch;
  /** The entries that this value leaves standing. */
  readonly holding: Mask;
}

export interface Chosen {
  readonly dimension: Dimension;
  readonly options: readonly Option[];
  readonly option: Option;
}

export interface Wanted {
  readonly holding: readonly Entry[];
  readonly fallen: readonly Entry[];
}

/** `undecided`: the budget is used up. */
export type Found = readonly Chosen[] | "none" | "undecided";

export interface Space {
  find(wanted: Wanted): Found;
  /** Whether this choice does what is wanted. */
  keeps(wanted: Wanted, chosen: readonly Chosen[]): boolean;
}

export function spaceOf(
  entries: readonly Entry[],
  dimensions: readonly Dimension[],
  plain: Point,
  budget: Budget,
): Space {
  const bits = new Map(entries.map((entry, index) => [entry, 1n << BigInt(index)]));
  const all = (1n << BigInt(entries.length)) - 1n;
  const maskOf = (of: readonly Entry[]): Mask =>
    of.reduce((mask, entry) => mask | (bits.get(entry) ?? 0n), 0n);
  const never = maskOf(entries.filter(({ fate }) => fate === "never"));
  const depending = entries.filter(({ fate }) => fate === null);

  const optionOf = (dimension: Dimension, patch: Patch): Option => {
    const point = { ...plain, ...patch };
    budget.left -= depending.length;
    const fallen = maskOf(depending.filter((entry) => !dimension.holds(entry, point)));
    return { patch, holding: all & ~fallen };
  };
  const fixed = new Map<Dimension, readonly Option[]>();
  const optionsOf = (dimension: Dimension, required: readonly Entry[]): readonly Option[] => {
    const known =
      fixed.get(dimension) ?? distinct(dimension.patches.map((patch) => optionOf(dimension, patch)));
    fixed.set(dimension, known);
    const more = dimension.patchesFor?.(required) ?? [];
    return more.length === 0
      ? known
      : distinct([...known, ...more.map((patch) => optionOf(dimension, patch))]);
  };

  function find({ holding, fallen }: Wanted): Found {
    const required = maskOf(holding);
    const unwanted = maskOf(fallen);
    if ((required & never) !== 0n || (required & unwanted) !== 0n) return "none";
    let states: readonly State[] = [{ standing: unwanted & ~never, way: null }];
    for (const dimension of dimensions) {
      const bearable = optionsOf(dimension, holding).filter((option) => (required & ~option.holding) === 0n);
      const options = leastStanding(bearable, (option) => option.holding & unwanted);
      budget.left -= states.length * options.length;
      if (budget.left < 0) return "undecided";
      if (options.length === 0) return "none";
      states = leastStanding(
        states.flatMap(({ standing, way }) =>
          options.map((option) => ({
            standing: standing & option.holding,
            way: { chosen: { dimension, options: bearable, option }, before: way },
          })),
        ),
        ({ standing }) => standing,
      );
    }
    const done = states.find(({ standing }) => standing === 0n);
    return done === undefined ? "none" : wayTo(done);
  }

  return {
    find(wanted) {
      if (budget.left < 0) return "undecided";
      try {
        return find(wanted);
      } catch (error) {
        if (error instanceof TooManyRoleSets) return "undecided";
        throw error;
      }
    },
    keeps({ holding, fallen }, chosen) {
      const standing = chosen.reduce((mask, { option }) => mask & option.holding, all & ~never);
      return (maskOf(holding) & ~standing) === 0n && (maskOf(fallen) & standing) === 0n;
    },
  };
}

interface State {
  readonly standing: Mask;
  readonly way: Way | null;
}
interface Way {
  readonly chosen: Chosen;
  readonly before: Way | null;
}

function wayTo({ way }: State): readonly Chosen[] {
  const chosen: Chosen[] = [];
  for (let at = way; at !== null; at = at.before) chosen.unshift(at.chosen);
  return chosen;
}

/** Values that leave the same standing are one; the plainest, which comes first, is kept. */
function distinct(options: readonly Option[]): readonly Option[] {
  const kept = new Map<Mask, Option>();
  for (const option of options) if (!kept.has(option.holding)) kept.set(option.holding, option);
  return [...kept.values()];
}

/** Those of which no other leaves less standing, each mask once. */
function leastStanding<T>(of: readonly T[], maskOf: (one: T) => Mask): readonly T[] {
  const kept: { readonly one: T; readonly mask: Mask }[] = [];
  for (const one of of) {
    const mask = maskOf(one);
    if (kept.some((other) => (other.mask & ~mask) === 0n)) continue;
    for (let index = kept.length - 1; index >= 0; index -= 1) {
      const other = kept[index];
      if (other !== undefined && (mask & ~other.mask) === 0n) kept.splice(index, 1);
    }
    kept.push({ one, mask });
  }
  return kept.map(({ one }) => one);
}
