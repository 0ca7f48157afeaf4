/**
 * What a well-formed policy may still get wrong: values this version cannot enforce, and rules that could never
 * mean what they say. An inert rule is refused here rather than ignored later (guarantee G9).
 */
import { type Refusal, refuse } from "../kernel/refusal.ts";
import { presentKeys } from "../policy/constraint-table.ts";
import type { ConstraintKey, Constraints } from "../policy/constraints.ts";
import { hasLimit } from "../policy/limit-claims.ts";
import { DEFAULT_PRIORITY, type PolicyInput } from "../policy/policy.ts";

/** A deny only selects: it has nothing to limit, to clamp or to oblige. */
const meaningfulOnDeny: ReadonlySet<ConstraintKey> = new Set<ConstraintKey>([
  "allowedTenants",
  "allowedRoles",
  "allowedAgents",
  "dataClassification",
  "allowedCountries",
  "deniedCountries",
  "allowedIpRanges",
  "validFrom",
  "validUntil",
]);

const supported = { kind: "grant", mode: "enforce", priority: DEFAULT_PRIORITY } as const;
const supportedFields = ["kind", "mode", "priority"] as const;

/** The first thing wrong, or null. */
export function checkPolicy(policy: PolicyInput): Refusal | null {
  const unsupported = supportedFields.find((field) => policy[field] !== supported[field]);
  if (unsupported !== undefined) {
    const message = `Only \`${supported[unsupported]}\` is supported as \`${unsupported}\` yet.`;
    return refuse("not_available_yet", { field: unsupported, message });
  }
  const inert =
    policy.effect === "deny"
      ? presentKeys(policy.constraints).find((key) => !meaningfulOnDeny.has(key))
      : undefined;
  if (inert !== undefined) {
    return meaningless(`constraints.${inert}`, `\`${inert}\` has no meaning on a policy that denies.`);
  }
  return checkConstraints(policy.constraints, "constraints");
}

/** @param path where the constraints stand in the document. */
export function checkConstraints(constraints: Constraints, path: string): Refusal | null {
  const { parameters, validFrom, validUntil, quotaScope } = constraints;
  for (const [name, { min, max }] of Object.entries(parameters ?? {})) {
    const field = `${path}.parameters.${name}`;
    if (min === undefined && max === undefined)
      return meaningless(field, "A range needs `min`, `max` or both.");
    if (min !== undefined && max !== undefined && min > max) return meaningless(field, "The range is empty.");
  }
  if (quotaScope !== undefined && !hasLimit(constraints)) {
    return meaningless(`${path}.quotaScope`, "`quotaScope` needs a limit to count.");
  }
  // Both have one fixed form, so text order is time order.
  if (validFrom !== undefined && validUntil !== undefined && validFrom >= validUntil) {
    return meaningless(`${path}.validUntil`, "`validUntil` must be later than `validFrom`.");
  }
  return null;
}

const meaningless = (field: string, message: string): Refusal => refuse("meaningless", { field, message });
