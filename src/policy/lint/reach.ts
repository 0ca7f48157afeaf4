/**
 * What a policy does in its set, by searching for one request that shows it: that a grant allows, that it is charged, that
 * something would be decided otherwise without it.
 */
import { PLATFORM } from "../../kernel/ids.ts";
import { ownPolicies, type PolicySet, withOwnPolicies } from "../as-code/policy-set.ts";
import type { ConstraintKey } from "../constraints.ts";
import { constraintTable, presentKeys } from "../constraint-table.ts";
import { type CellGroup, cellGroups, type Side } from "../diff/cells.ts";
import { dimensionsOf } from "../diff/dimensions.ts";
import { type Entry, roleOf } from "../diff/entry.ts";
import { plainPoint } from "../diff/plain-point.ts";
import { type DiffOptions, policyDiff } from "../diff/policy-diff.ts";
import { type Space, spaceOf, type Wanted } from "../diff/search.ts";
import { hasLimit } from "../limit-claims.ts";
import type { Policy } from "../policy.ts";

export type Reach =
  | { readonly kind: "useful" | "shadowed" | "redundant" }
  | { readonly kind: "unreachable"; readonly why: "itself" | "boundary" | "deny" | "together" };

/** @param worlds that the policy's scope decides in: what it does in one of them, it does. */
export function reachOf(
  policy: Policy,
  worlds: readonly PolicySet[],
  options: DiffOptions,
): Reach | "undecided" {
  return roleOf(policy) === "grant"
    ? reachOfGrant(policy, worlds, options)
    : reachOfOther(policy, worlds, options);
}

/** A deny or a boundary: what a boundary obliges to, it does whatever is decided. */
function reachOfOther(
  policy: Policy,
  worlds: readonly PolicySet[],
  options: DiffOptions,
): Reach | "undecided" {
  if (obliges(policy)) return { kind: "useful" };
  // A diff makes the worlds of its own.
  for (const world of worlds.slice(0, 1)) {
    const without = withOwnPolicies(
      world,
      ownPolicies(world).filter((other) => other !== policy),
    );
    const { exact, classes } = policyDiff(world, without, options);
    if (classes.length > 0) return { kind: "useful" };
    if (!exact) return "undecided";
  }
  return { kind: "redundant" };
}

interface Place {
  readonly space: Space;
  readonly side: Side;
  readonly grant: Entry;
}

function reachOfGrant(
  policy: Policy,
  worlds: readonly PolicySet[],
  options: DiffOptions,
): Reach | "undecided" {
  const places = worlds.flatMap((world) => placesOf(policy, world, options));
  /** Whether somewhere the grant stands, and what else is wanted there. */
  const somewhere = (wanted: (place: Place) => Wanted): boolean | "undecided" => {
    let isUndecided = false;
    for (const place of places) {
      const found = place.space.find(wanted(place));
      if (found === "undecided") isUndecided = true;
      else if (found !== "none") return true;
    }
    return isUndecided ? "undecided" : false;
  };

  const allows = somewhere(({ side, grant }) => ({
    holding: [grant, ...side.boundaries],
    fallen: side.denies,
  }));
  if (allows === "undecided") return "undecided";
  if (!allows) {
    const tries = [
      ["itself", somewhere(({ grant }) => ({ holding: [grant], fallen: [] }))],
      ["boundary", somewhere(({ side, grant }) => ({ holding: [grant, ...side.boundaries], fallen: [] }))],
      ["deny", somewhere(({ side, grant }) => ({ holding: [grant], fallen: side.denies }))],
    ] as const;
    if (tries.some(([, found]) => found === "undecided")) return "undecided";
    const [why] = tries.find(([, found]) => !found) ?? ["together"];
    return { kind: "unreachable", why };
  }

  const beside = (isRival: (rival: Policy) => boolean) =>
    somewhere(({ side, grant }) => ({
      holding: [grant, ...side.boundaries],
      fallen: [
        ...side.denies,
        ...side.grants.filter((rival) => rival !== grant && isUnlimited(rival) && isRival(rival.policy)),
      ],
    }));
  const charged = beside((rival) => isBefore(rival, policy));
  if (charged === "undecided") return "undecided";
  if (!charged) return { kind: "shadowed" };
  // What it counts or obliges to would be missed, whoever else allows.
  if (obliges(policy)) return { kind: "useful" };
  const needed = beside(() => true);
  if (needed === "undecided") return "undecided";
  return { kind: needed ? "useful" : "redundant" };
}

/** Where the policy has a say. */
function placesOf(policy: Policy, world: PolicySet, { fromMs, budget }: DiffOptions): readonly Place[] {
  const plain = plainPoint(world.tenant, fromMs ?? Date.UTC(2026, 0, 1));
  const surroundings = { anyTenant: world.scope === PLATFORM, fromMs };
  return cellGroups([world], false).flatMap((group: CellGroup<readonly Side[]>) => {
    const [side] = group.sides;
    const grant = side?.grants.find((entry) => entry.policy === policy);
    if (side === undefined || grant === undefined) return [];
    const dimensions = dimensionsOf(group.entries, group.context, surroundings);
    return [{ side, grant, space: spaceOf(group.entries, dimensions, plain, budget) }];
  });
}

/** One whose limits cannot run out, and that waits for nobody. */
const isUnlimited = ({ policy, joint }: Entry): boolean =>
  !hasLimit(policy.constraints) && joint?.needsApproval !== true;

const isBefore = (left: Policy, right: Policy): boolean =>
  left.priority !== right.priority
    ? left.priority < right.priority
    : left.createdAt !== right.createdAt
      ? left.createdAt < right.createdAt
      : left.id < right.id;

/** Constraints that only decide: they limit nothing, cut nothing and oblige to nothing. */
const deciding: ReadonlySet<ConstraintKey> = new Set<ConstraintKey>(["maxPromptCharacters", "parameters"]);

const obliges = ({ constraints }: Policy): boolean =>
  presentKeys(constraints).some(
    (key) =>
      !deciding.has(key) &&
      !(constraintTable[key] === "selector" && key !== "encryptionRequired") &&
      !(key === "deniedPatterns" && constraints.deniedPatterns?.action === "deny"),
  );
