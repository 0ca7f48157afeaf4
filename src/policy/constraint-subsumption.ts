/**
 * When constraints stand inside others: whatever the inner ones allow, the outer ones allow. A table with one rule for each
 * constraint, which does not compile without one. What the outer ones say, the inner ones must say as well, as narrowly:
 * what is left out, not known here or not comparable counts as wider, so that doubt never widens. Whatever the inner ones
 * say beyond that only narrows.
 */

import { narrowness } from "../residency/processing.ts";
import { allowsTool } from "./allowed-tools.ts";
import { withinCeiling } from "./classification.ts";
import { type ConstraintKey, type Constraints, constraintKeys } from "./constraints.ts";
import { patternsOf } from "./content.ts";
import { literalsOf } from "./denied-patterns.ts";
import { ipRange, isRangeWithin } from "./ip-range.ts";
import { hasLimit } from "./limit-claims.ts";

type Value<K extends ConstraintKey> = NonNullable<Constraints[K]>;
type Rule<T> = (inner: T, outer: T) => boolean;

const atMost: Rule<number> = (inner, outer) => inner <= outer;
const equal: Rule<string> = (inner, outer) => inner === outer;
const among: Rule<readonly string[]> = (inner, outer) => inner.every((item) => outer.includes(item));
const allOf: Rule<readonly string[]> = (inner, outer) => among(outer, inner);
const demanded: Rule<boolean> = (inner, outer) => inner || !outer;
const permitted: Rule<boolean> = (inner, outer) => outer || !inner;
/** Denying and masking let different requests through, and neither is inside the other. */
const sameDenial: Rule<Value<"noSecrets">> = (inner, outer) =>
  outer === false || JSON.stringify(inner) === JSON.stringify(outer);

const rules: { readonly [K in ConstraintKey]: Rule<Value<K>> } = {
  allowedTenants: among,
  allowedRoles: among,
  allowedAgents: among,
  maxTokensPerRequest: atMost,
  maxOutputTokens: atMost,
  maxPromptCharacters: atMost,
  parameters: (inner, outer) =>
    Object.entries(outer).every(([name, { min = -Infinity, max = Infinity }]) => {
      const range = Object.hasOwn(inner, name) ? inner[name] : undefined;
      return range !== undefined && (range.min ?? -Infinity) >= min && (range.max ?? Infinity) <= max;
    }),
  deniedPatterns: (inner, outer) =>
    // Who strips needs a prompt that can be written anew, who denies one that can be read.
    inner.action === outer.action && allOf(literalsIn(inner), literalsIn(outer)),
  maxRequestsPerMinute: atMost,
  maxRequestsPerDay: atMost,
  maxTokensPerMinute: atMost,
  maxTokensPerDay: atMost,
  maxCostPerDay: atMost,
  maxCostPerMonth: atMost,
  maxConcurrentRequests: atMost,
  quotaScope: equal,
  dataClassification: withinCeiling,
  noPersonalData: sameDenial,
  noSecrets: sameDenial,
  encryptionRequired: demanded,
  auditLogging: (inner, outer) => inner === "detailed" || outer === "standard",
  requiresApproval: demanded,
  allowedCountries: among,
  deniedCountries: allOf,
  allowedIpRanges: (inner, outer) =>
    inner.every((text) => {
      const range = ipRange(text);
      return range !== null && outer.some((other) => isWithinRange(range, other));
    }),
  validFrom: (inner, outer) => Date.parse(inner) >= Date.parse(outer),
  validUntil: (inner, outer) => Date.parse(inner) <= Date.parse(outer),
  dataResidency: equal,
  processing: (inner, outer) => narrowness[inner] <= narrowness[outer],
  allowedTools: (inner, outer) => inner.every((tool) => allowsTool(outer, tool)),
  allowStore: permitted,
};

const literalsIn = (deniedPatterns: Value<"deniedPatterns">): readonly string[] =>
  literalsOf(patternsOf({ deniedPatterns }) ?? { builtIn: [], patterns: [] });

function isWithinRange(range: NonNullable<ReturnType<typeof ipRange>>, text: string): boolean {
  const outer = ipRange(text);
  return outer !== null && isRangeWithin(range, outer);
}

export interface Excess {
  readonly constraint: string;
  /** `left_out`: the outer ones have it, and the inner ones must repeat it or something narrower. */
  readonly why: "left_out" | "wider" | "unknown";
}

/** The first thing in which the inner constraints are not inside the outer ones, or null. */
export function constraintExcess(inner: Constraints, outer: Constraints): Excess | null {
  const strange = Object.keys({ ...outer, ...inner }).find((key) => !Object.hasOwn(rules, key));
  if (strange !== undefined) return { constraint: strange, why: "unknown" };
  for (const constraint of constraintKeys) {
    if (outer[constraint] === undefined) continue;
    if (inner[constraint] === undefined) return { constraint, why: "left_out" };
    if (!isInside(constraint, inner, outer)) return { constraint, why: "wider" };
  }
  // A limit counts by agent where it does not say otherwise: counted by somebody else, the same number is another limit.
  const isCountedAlike = (inner.quotaScope ?? "agent") === (outer.quotaScope ?? "agent");
  return isCountedAlike || !hasLimit(outer) ? null : { constraint: "quotaScope", why: "wider" };
}

function isInside<K extends ConstraintKey>(key: K, inner: Constraints, outer: Constraints): boolean {
  const within = inner[key];
  const around = outer[key];
  return within !== undefined && around !== undefined && rules[key](within, around);
}
