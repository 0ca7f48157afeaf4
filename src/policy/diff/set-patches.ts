/**
 * Roles, tools and texts come in sets, of which there are too many to try. Which of them can matter follows from what
 * must hold: as few roles as that needs, and as many tools and texts as that bears, leave the fewest others standing.
 */
import { promisedTools } from "../../azure/tool-table.ts";
import { allowsTool, ToolName } from "../allowed-tools.ts";
import { patternsOf } from "../content.ts";
import { literalsOf } from "../denied-patterns.ts";
import type { Patch } from "./dimension.ts";
import type { Entry } from "./entry.ts";

type PatchesFor = (required: readonly Entry[]) => readonly Patch[];

/** Far more than policies that hold together ask for; what is beyond is told by the search, not passed over. */
const MAX_ROLE_SETS = 2_000;
export class TooManyRoleSets extends Error {}

const listsOfRoles = (entries: readonly Entry[]): readonly (readonly string[])[] =>
  entries.flatMap(({ policy }) => (policy.constraints.allowedRoles ? [policy.constraints.allowedRoles] : []));

/** Every smallest choice of one role from each list that must be met. Roles that stand in the same lists are one. */
export function rolePatches(entries: readonly Entry[]): PatchesFor {
  const lists = listsOfRoles(entries);
  const standing = new Map<string, string>();
  for (const role of new Set(lists.flat())) {
    const where = lists.map((list) => (list.includes(role) ? "1" : "0")).join("");
    if (!standing.has(where)) standing.set(where, role);
  }
  const known = [...standing.values()];
  return (required) => {
    let sets: readonly (readonly string[])[] = [[]];
    for (const list of listsOfRoles(required)) {
      const grown = sets.flatMap((set) =>
        set.some((role) => list.includes(role))
          ? [set]
          : known.filter((role) => list.includes(role)).map((role) => [...set, role]),
      );
      sets = [...new Map(grown.map((set) => [[...set].sort().join("\n"), set])).values()];
      if (sets.length > MAX_ROLE_SETS) throw new TooManyRoleSets();
    }
    return sets.map((roles) => ({ roles }));
  };
}

export function toolPatches(entries: readonly Entry[]): PatchesFor {
  const listed = entries.flatMap(({ policy }) => policy.constraints.allowedTools ?? []);
  const isPromised = entries.some(({ joint }) => joint !== null && joint.obligation !== null);
  if (listed.length === 0 && !isPromised) return () => [];
  const mentioned = [...listed, ...(isPromised ? promisedTools : [])];
  // Beside each, another of its type, and a type that nobody mentions.
  const types = [...new Set(mentioned.map((tool) => tool.split(":")[0] ?? tool))];
  const others = types.map((type) => `${type}:any_other`);
  const known = [...new Set([...mentioned, ...types, ...others, "any_other"])].filter(
    (tool) => ToolName.safeParse(tool).success,
  );
  return (required) => {
    const borne = known.filter((tool) =>
      required.every(
        ({ role, policy: { constraints }, joint }) =>
          (role === "deny" ||
            constraints.allowedTools === undefined ||
            allowsTool(constraints.allowedTools, tool)) &&
          (joint === null || joint.obligation === null || allowsTool(promisedTools, tool)),
      ),
    );
    return oneByOneAndAll(borne).map((tools) => ({ tools }));
  };
}

/** A text that holds a longer one holds the shorter that stands in it. */
export function literalPatches(entries: readonly Entry[]): PatchesFor {
  const deniedBy = ({ role, policy: { constraints } }: Entry): readonly string[] => {
    const isDenying = role !== "deny" && constraints.deniedPatterns?.action === "deny";
    const patterns = isDenying ? patternsOf(constraints) : null;
    return patterns ? literalsOf(patterns) : [];
  };
  const known = [...new Set(entries.flatMap(deniedBy))];
  return (required) => {
    const forbidden = required.flatMap(deniedBy);
    const literals = known.filter((text) => !forbidden.some((literal) => text.includes(literal)));
    return oneByOneAndAll(literals).map((found) => ({
      literals: literals.filter((text) => found.some((literal) => literal.includes(text))),
    }));
  };
}

/** All of them leave the least standing; one alone makes the plainer witness where it is enough. */
const oneByOneAndAll = (of: readonly string[]): readonly (readonly string[])[] =>
  of.length === 0 ? [] : [...(of.length <= MAX_ALONE ? of.map((one) => [one]) : []), of];
const MAX_ALONE = 30;
