/**
 * Which rules cover an action and a resource. An index leads from the ask to the rules that name it, so that a rule
 * which does not is never looked at, however many there are.
 */
import type { Action, ActionPattern } from "./action.ts";
import type { Policy } from "./policy.ts";
import { matchesResource, patternsMatching, type Resource, type ResourcePattern } from "./resource.ts";

export const coversAction = (patterns: readonly ActionPattern[], action: Action): boolean =>
  patterns.includes("*") || patterns.includes(action);

export const coversResource = (patterns: readonly ResourcePattern[], resource: Resource): boolean =>
  patterns.some((pattern) => matchesResource(pattern, resource));

export const covers = (
  actions: readonly ActionPattern[],
  resources: readonly ResourcePattern[],
  action: Action,
  resource: Resource,
): boolean => coversAction(actions, action) && coversResource(resources, resource);

interface Covering {
  readonly policy: Pick<Policy, "actions" | "resources">;
}

/** Those of the rules that cover both, in the order in which they were given. */
export type CoverageIndex<R> = (action: Action, resource: Resource) => readonly R[];

export function coverageIndex<R extends Covering>(rules: readonly R[]): CoverageIndex<R> {
  /** Places in `rules`, by action and by resource pattern. */
  const places = new Map<ActionPattern, Map<ResourcePattern, number[]>>();
  for (const [place, { policy }] of rules.entries()) {
    for (const action of policy.actions) {
      const ofAction = entryOf(places, action, () => new Map<ResourcePattern, number[]>());
      for (const pattern of policy.resources) entryOf(ofAction, pattern, (): number[] => []).push(place);
    }
  }
  return (action, resource) => {
    const patterns = patternsMatching(resource);
    const found = new Set<number>();
    for (const ofAction of [places.get("*"), places.get(action)]) {
      if (ofAction === undefined) continue;
      for (const pattern of patterns) for (const place of ofAction.get(pattern) ?? []) found.add(place);
    }
    return [...found].sort((left, right) => left - right).flatMap((place) => rules[place] ?? []);
  };
}

function entryOf<K, V>(map: Map<K, V>, key: K, create: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const created = create();
  map.set(key, created);
  return created;
}
