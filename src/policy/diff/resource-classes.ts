/**
 * Resources fall into finitely many classes: those that some pattern or deployment names, what else is below each
 * prefix, and all others. Two resources of a class are told apart by no policy, so one of them stands for all.
 */
import { modelResource, Resource, type ResourcePattern } from "../resource.ts";

export interface ResourceClass {
  readonly resource: Resource;
  /** As people read it: the resource, or `…/* (others)`. */
  readonly label: string;
}

/** Where models are, whether or not a pattern says so: deployments make a difference there. */
const MODELS = modelResource("*");
const STRANGER = "any-other";

/** @param deployments that are known by name. */
export function resourceClasses(
  patterns: readonly ResourcePattern[],
  deployments: readonly string[],
): readonly ResourceClass[] {
  const prefixes = new Set([...patterns.filter((pattern) => pattern.endsWith("/*")), MODELS]);
  const exact = new Set([
    ...patterns.filter((pattern) => !pattern.endsWith("*")),
    ...deployments.map(modelResource),
  ]);
  const stranger = freshSegment([...exact, ...prefixes]);
  const others = [...prefixes].map((prefix) => ({
    resource: `${prefix.slice(0, -1)}${stranger}`,
    label: `${prefix} (others)`,
  }));
  return [
    ...[...exact].map((resource) => ({ resource, label: resource })),
    ...others,
    { resource: `api://${stranger}`, label: "* (others)" },
  ].filter(({ resource }) => Resource.safeParse(resource).success);
}

/** A segment that none of them has. */
function freshSegment(taken: readonly string[]): string {
  const segments = new Set(taken.flatMap((pattern) => pattern.split("/")));
  let name = STRANGER;
  for (let count = 2; segments.has(name); count += 1) name = `${STRANGER}-${count}`;
  return name;
}
