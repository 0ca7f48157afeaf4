/**
 * The fewest changes that would allow a refused ask. Each way (a grant, one of the token's details) is walked step by
 * step, remedying what refuses next, once asking the caller first and once the policies; what was not needed is left out
 * again, and whatever one or two of the steps do alone wins. Nothing is claimed that `decide` has not confirmed.
 */
import type { DecideInput } from "../candidate.ts";
import { covers } from "../coverage.ts";
import { decide } from "../decide.ts";
import { applyChange, applyChanges, type Change } from "./change.ts";
import { failuresOf } from "./failures.ts";
import { nextRemedies, type Way } from "./next-remedies.ts";
import { inForce, kindOf, withOnlyGrant } from "./views.ts";

/**
 * Grants that are looked at; ways that are walked, those with the fewest failures; steps of one, beyond which no change
 * is near; remedies that are tried in pairs.
 */
const MAX_GRANTS = 200;
const MAX_WAYS = 6;
const MAX_STEPS = 30;
const MAX_PAIRED = 16;

/** Null where none is known, or none is needed. */
export function nearestChanges(input: DecideInput): readonly Change[] | null {
  if (isAllowed(input, [])) return null;
  const tried: Change[] = [];
  const found = waysOf(input).flatMap((way) =>
    [true, false].flatMap((isCallerFirst) => {
      const walked = walk(input, way, isCallerFirst, tried);
      return walked === null ? [] : [onlyNeeded(input, walked)];
    }),
  );
  return best([...found, ...shortcuts(input, distinct(tried), found)]);
}

const isAllowed = (input: DecideInput, changes: readonly Change[]): boolean =>
  decide(applyChanges(input, changes)).kind === "candidates";

function waysOf(input: DecideInput): readonly Way[] {
  const { ask, capability } = input;
  const grants = inForce(input).filter(
    (policy) =>
      kindOf(policy) === "grant" && covers(policy.actions, policy.resources, ask.action, ask.resource),
  );
  const details = (capability.authorization ?? []).flatMap(({ actions, locations, constraints }, index) =>
    covers(actions, locations, ask.action, ask.resource)
      ? [{ detail: index, failures: failuresOf(constraints, input).length }]
      : [],
  );
  const ofGrants = grants
    .slice(0, MAX_GRANTS)
    .map((grant) => ({ grant, failures: failuresOf(grant.constraints, input).length }));
  const fewestOf = <T extends { readonly failures: number }>(given: readonly T[]): readonly T[] =>
    given.toSorted((left, right) => left.failures - right.failures).slice(0, MAX_WAYS);
  const bothOf = orNone(fewestOf(ofGrants)).flatMap((first) =>
    orNone(fewestOf(details)).map((second) => ({
      grant: first?.grant,
      detail: second?.detail,
      failures: (first?.failures ?? 0) + (second?.failures ?? 0),
    })),
  );
  return fewestOf(bothOf);
}

const orNone = <T>(given: readonly T[]): readonly (T | undefined)[] =>
  given.length === 0 ? [undefined] : given;

/** @param tried gets every remedy that was thought of. */
function walk(
  input: DecideInput,
  way: Way,
  isCallerFirst: boolean,
  tried: Change[],
): readonly Change[] | null {
  const changes: Change[] = [];
  let here = way.grant === undefined ? input : withOnlyGrant(input, way.grant);
  for (let step = 0; step < MAX_STEPS; step += 1) {
    if (decide(here).kind === "candidates") {
      const merged = mergedChanges(changes);
      return isAllowed(input, merged) ? merged : null;
    }
    const remedies = nextRemedies(here, way);
    tried.push(...remedies);
    const change = isCallerFirst ? remedies[0] : remedies.at(-1);
    if (change === undefined || changes.some((made) => same(made, change))) return null;
    changes.push(change);
    here = applyChange(here, change);
  }
  return null;
}

const same = (left: Change, right: Change): boolean => JSON.stringify(left) === JSON.stringify(right);
const distinct = (changes: readonly Change[]): readonly Change[] =>
  changes.filter((change, index) => changes.findIndex((other) => same(change, other)) === index);

/** Two changes of one thing are one change, from what it was to what it becomes. */
function mergedChanges(changes: readonly Change[]): readonly Change[] {
  const merged: Change[] = [];
  for (const change of changes) {
    const at = merged.findIndex(
      ({ kind, policyId, constraint }) =>
        (kind === "request" || kind === "set_constraint") &&
        kind === change.kind &&
        policyId === change.policyId &&
        constraint === change.constraint,
    );
    const known = merged[at];
    if (known === undefined) merged.push(change);
    else merged[at] = { ...change, from: known.from };
  }
  return merged;
}

function onlyNeeded(input: DecideInput, changes: readonly Change[]): readonly Change[] {
  let needed = changes;
  for (const change of changes) {
    const without = needed.filter((other) => other !== change);
    if (isAllowed(input, without)) needed = without;
  }
  return needed;
}

/** One remedy, or two, where they do by themselves what the walks took more for. */
function shortcuts(
  input: DecideInput,
  tried: readonly Change[],
  found: readonly (readonly Change[])[],
): readonly (readonly Change[])[] {
  const shortest = Math.min(...found.map(({ length }) => length), Number.MAX_SAFE_INTEGER);
  if (shortest <= 1) return [];
  const single = tried.map((change) => [change]).filter((changes) => isAllowed(input, changes));
  if (single.length > 0 || shortest <= 2) return single;
  const paired = tried.slice(0, MAX_PAIRED);
  return paired
    .flatMap((first, index) => paired.slice(index + 1).map((second) => [first, second]))
    .filter((changes) => isAllowed(input, changes));
}

/** The fewest; of as many, those that ask most of the caller and least of the policies; then the earliest. */
function best(found: readonly (readonly Change[])[]): readonly Change[] | null {
  const ofPolicies = (changes: readonly Change[]) => changes.filter(({ kind }) => kind !== "request").length;
  const [first] = found.toSorted(
    (left, right) => left.length - right.length || ofPolicies(left) - ofPolicies(right),
  );
  return first ?? null;
}
