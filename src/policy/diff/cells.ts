/**
 * A cell: one action on one class of resources, and the policies that have a say there. Cells in which the same policies
 * stand before the same deployment, and answers are cut or are not, are one group, searched once.
 */
import { assumedUnits } from "../../azure/asked-units.ts";
import { dearestPrice } from "../../azure/prices.ts";
import { Action, isOutputFixed } from "../action.ts";
import { type PolicySet, snapshotOfSet } from "../as-code/policy-set.ts";
import { covers } from "../coverage.ts";
import type { Policy } from "../policy.ts";
import { deploymentOfResource } from "../resource.ts";
import type { Snapshot } from "../snapshot.ts";
import { type Entry, entryOf, jointKeyOf, meaningOf, roleOf, type TokenContext } from "./entry.ts";
import { type ResourceClass, resourceClasses } from "./resource-classes.ts";
import type { Budget } from "./search.ts";

export interface Cell {
  readonly action: Action;
  readonly resource: ResourceClass;
}

/** What takes part of one set. */
export interface Side {
  readonly grants: readonly Entry[];
  readonly denies: readonly Entry[];
  readonly boundaries: readonly Entry[];
}

export interface CellGroup {
  /** One at least. */
  readonly cells: readonly Cell[];
  readonly first: Cell;
  readonly context: TokenContext;
  readonly entries: readonly Entry[];
  readonly sides: readonly Side[];
}

const SMALLEST = { pictures: 1, characters: 1 };

const inForce = ({ policies, platformPolicies }: PolicySet): readonly Policy[] =>
  [...platformPolicies, ...policies].filter(({ mode }) => mode === "enforce");

/** Every class of resources that some policy of these sets, or a deployment, tells apart. */
export const resourcesOf = (sets: readonly PolicySet[]): readonly ResourceClass[] =>
  resourceClasses(
    sets.flatMap((set) => inForce(set).flatMap(({ resources }) => resources)),
    sets.flatMap(({ deployments }) => deployments?.map(({ name }) => name) ?? []),
  );

/**
 * @param sets that are looked at together: of the same scope, tenant and deployments.
 * Undecided where to put them in groups would be more work than there may be.
 * @param isOne whether policies that mean the same are one entry: for diffs; lint asks about each.
 */
export function cellGroups(
  sets: readonly PolicySet[],
  isOne: boolean,
  budget: Budget,
): readonly CellGroup[] | "undecided" {
  const resources = resourcesOf(sets);
  budget.left -= matchesIn(sets) * resources.length * Action.options.length;
  if (budget.left < 0) return "undecided";
  const prepared = sets.map((set) => ({
    policies: inForce(set),
    boundaries: inForce(set).filter((policy) => roleOf(policy) === "boundary"),
    set,
  }));
  const snapshot = snapshotFor(sets[0], resources);
  const grouped = new Map<string, { cells: Cell[]; make: () => Omit<CellGroup, "cells" | "first"> }>();
  for (const resource of resources) {
    const deploymentName = deploymentOfResource(resource.resource) ?? resource.resource;
    const deployment = snapshot?.platform.deployments.find(({ name }) => name === deploymentName);
    const price = deployment ? dearestPrice(deployment) : null;
    const { name: _name, ...profile } = deployment ?? { name: "" };
    for (const action of Action.options) {
      const covering = prepared.map(({ policies }) => {
        const isCovering = (policy: Policy) =>
          covers(policy.actions, policy.resources, action, resource.resource);
        return policies
          .filter((policy) => roleOf(policy) === "boundary" || isCovering(policy))
          .map((policy) => ({ policy, isCovering: isCovering(policy) }));
      });
      const outputIsFixed = isOutputFixed(action);
      // Whether there is a bound and a price is all that is asked of them here.
      const units = deployment ? assumedUnits(action, SMALLEST, deployment) : null;
      const key = JSON.stringify([
        outputIsFixed,
        units,
        covering.map((side) => side.map(({ policy, isCovering }) => [policy.scope, policy.id, isCovering])),
        profile,
      ]);
      const group = grouped.get(key);
      if (group) group.cells.push({ action, resource });
      else
        grouped.set(key, {
          cells: [{ action, resource }],
          make() {
            const known = new Map<string, Entry>();
            const sides = prepared.map(({ boundaries, set }, index) => {
              const context = { tenant: set.tenant, boundaries, deploymentName, deployment, price, units };
              const joint = jointKeyOf(boundaries);
              const entries = (covering[index] ?? []).map(({ policy, isCovering }) => {
                const key = isOne
                  ? JSON.stringify([meaningOf(policy), roleOf(policy) === "grant" ? joint : "", isCovering])
                  : JSON.stringify([index, policy.scope, policy.id]);
                const entry = known.get(key) ?? entryOf(policy, isCovering, context);
                known.set(key, entry);
                return entry;
              });
              const of = (role: Entry["role"]) => [
                ...new Set(entries.filter((entry) => entry.role === role)),
              ];
              return { grants: of("grant"), denies: of("deny"), boundaries: of("boundary") };
            });
            return {
              context: { price, units, deploymentName, outputIsFixed },
              entries: [...known.values()],
              sides,
            };
          },
        });
    }
  }
  return [...grouped.values()].flatMap(({ cells, make }) => {
    const [first] = cells;
    return first === undefined ? [] : [{ cells, first, ...make() }];
  });
}

/** Patterns that are compared with each resource. A comparison is much less than a step of a search. */
const matchesIn = (sets: readonly PolicySet[]): number =>
  sets.flatMap(inForce).reduce((sum, { resources }) => sum + resources.length, 0) / COMPARISONS_OF_STEP;
const COMPARISONS_OF_STEP = 8;

const snapshotFor = (set: PolicySet | undefined, resources: readonly ResourceClass[]): Snapshot | undefined =>
  set &&
  snapshotOfSet(
    set,
    resources.map(({ resource }) => resource),
  );
