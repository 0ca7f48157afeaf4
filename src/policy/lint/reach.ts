/**
 * What a policy does in its set, by searching for one request that shows it: that a grant allows, that it is charged, that
 * something would be decided otherwise without it.
 */
import { PLATFORM } from "../../kernel/ids.ts";
import { isOutputFixed } from "../action.ts";
import { ownPolicies, type PolicySet, withOwnPolicies } from "../as-code/policy-set.ts";
import { constraintTable, presentKeys } from "../constraint-table.ts";
import type { ConstraintKey } from "../constraints.ts";
import { cellGroups, type Side } from "../diff/cells.ts";
import { dimensionsOf } from "../diff/dimensions.ts";
import { type Entry, roleOf } from "../diff/entry.ts";
import { plainPoint, SOME_MOMENT_MS } from "../diff/plain-point.ts";
import { type DiffOptions, policyDiff, worldsOf } from "../diff/policy-diff.ts";
import { type Space, spaceOf, type Wanted } from "../diff/search.ts";
import { hasLimit } from "../limit-claims.ts";
import type { Policy } from "../policy.ts";

export type Reach =
  | { readonly kind: "useful" | "shadowed" | "redundant" }
  | { readonly kind: "unreachable"; readonly why: "itself" | "boundary" | "deny" | "together" };

/** A set made ready, once for all its policies. */
export interface Ground {
  readonly set: PolicySet;
  /** In every world that the scope decides in: what a policy does in one of them, it does. */
  readonly places: readonly Omit<Place, "grant">[] | "undecided";
  readonly options: DiffOptions;
}

export function groundOf(set: PolicySet, options: DiffOptions): Ground {
  const places = worldsOf(set, set).map(({ before }) => placesOf(before, options));
  return {
    set,
    options,
    places: places.includes("undecided") ? "undecided" : places.flat().filter((one) => one !== "undecided"),
  };
}

export function reachOf(policy: Policy, ground: Ground): Reach | "undecided" {
  return roleOf(policy) === "grant" ? reachOfGrant(policy, ground) : reachOfOther(policy, ground);
}

/** A deny or a boundary: what a boundary obliges to, it does whatever is decided. */
function reachOfOther(policy: Policy, { set, options }: Ground): Reach | "undecided" {
  if (obliges(policy)) return { kind: "useful" };
  const without = withOwnPolicies(
    set,
    ownPolicies(set).filter((other) => other !== policy),
  );
  const { exact, classes } = policyDiff(set, without, options);
  if (classes.length > 0) return { kind: "useful" };
  return exact ? { kind: "redundant" } : "undecided";
}

interface Place {
  readonly space: Space;
  readonly side: Side;
  readonly grant: Entry;
}

function reachOfGrant(policy: Policy, ground: Ground): Reach | "undecided" {
  if (ground.places === "undecided") return "undecided";
  const places = ground.places.flatMap((place): readonly Place[] => {
    const grant = place.side.grants.find((entry) => entry.policy === policy);
    return grant === undefined ? [] : [{ ...place, grant }];
  });
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

function placesOf(
  world: PolicySet,
  { fromMs, budget }: DiffOptions,
): readonly Omit<Place, "grant">[] | "undecided" {
  const plain = plainPoint(world.tenant, fromMs ?? SOME_MOMENT_MS);
  const surroundings = { anyTenant: world.scope === PLATFORM, fromMs };
  const groups = cellGroups([world], false, budget);
  if (groups === "undecided") return groups;
  return groups.flatMap(({ entries, context, sides: [side] }) =>
    side === undefined
      ? []
      : [{ side, space: spaceOf(entries, dimensionsOf(entries, context, surroundings), plain, budget) }],
  );
}

/** One whose limits cannot run out, that waits for nobody, and refuses no answer for its length. */
const isUnlimited = ({ policy, joint }: Entry): boolean =>
  !hasLimit(policy.constraints) && joint?.needsApproval !== true && !mayRefuseOutput(policy, joint);

/** A bound on the output cuts texts; a picture, which nobody can cut, it refuses. */
const mayRefuseOutput = ({ actions }: Policy, joint: Entry["joint"]): boolean =>
  joint?.limits.perChoice !== null && actions.some((action) => action === "*" || isOutputFixed(action));

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
