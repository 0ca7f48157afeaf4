/**
 * What a well-formed policy may still get wrong: values this version cannot enforce, and rules that could never
 * mean what they say. An inert rule is refused here rather than ignored later (guarantee G9).
 */
import { AgentId } from "../kernel/ids.ts";
import type { Refusal } from "../kernel/refusal.ts";
import { countryCodes } from "../residency/country-codes.ts";
import { checkContent, meaningless } from "./check-content.ts";
import { presentKeys } from "./constraint-table.ts";
import type { ConstraintKey, Constraints } from "./constraints.ts";
import { ipRange, isWholeRange } from "./ip-range.ts";
import { hasLimit } from "./limit-claims.ts";
import type { PolicyInput } from "./policy.ts";

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

/** The first thing wrong, or null. */
export function checkPolicy(policy: PolicyInput): Refusal | null {
  if (policy.kind === "boundary" && policy.effect === "deny") {
    return meaningless("effect", "A boundary says what is inside; a policy of its own can deny.");
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
  const { validFrom, validUntil, quotaScope } = constraints;
  const contentRefusal = checkContent(constraints, path);
  if (contentRefusal) return contentRefusal;
  const strange = constraints.allowedAgents?.findIndex((id) => !AgentId.safeParse(id).success) ?? -1;
  if (strange !== -1) return meaningless(`${path}.allowedAgents[${strange}]`, "No agent has such an id.");
  if (quotaScope !== undefined && !hasLimit(constraints)) {
    return meaningless(`${path}.quotaScope`, "`quotaScope` needs a limit to count.");
  }
  const placeRefusal = checkCountries(constraints, path) ?? checkRanges(constraints, path);
  if (placeRefusal) return placeRefusal;
  if (constraints.allowStore === true && constraints.dataResidency !== undefined) {
    const message = "Storing answers at Azure is not covered by `dataResidency`.";
    return meaningless(`${path}.allowStore`, message);
  }
  // Both have one fixed form, so text order is time order.
  if (validFrom !== undefined && validUntil !== undefined && validFrom >= validUntil) {
    return meaningless(`${path}.validUntil`, "`validUntil` must be later than `validFrom`.");
  }
  return null;
}

/** A rule about a country that does not exist, or about one country both ways, could never mean what it says. */
function checkCountries(constraints: Constraints, path: string): Refusal | null {
  for (const key of ["allowedCountries", "deniedCountries"] as const) {
    const unknown = constraints[key]?.find((code) => !countryCodes.has(code));
    if (unknown !== undefined) {
      return meaningless(`${path}.${key}`, `\`${unknown}\` is not a country code of ISO 3166-1.`);
    }
  }
  const both = constraints.deniedCountries?.find((code) => constraints.allowedCountries?.includes(code));
  return both === undefined
    ? null
    : meaningless(`${path}.deniedCountries`, `\`${both}\` is allowed and denied.`);
}

/** A range with bits beyond its prefix says one thing and means another. */
function checkRanges({ allowedIpRanges }: Constraints, path: string): Refusal | null {
  const odd = allowedIpRanges?.find((text) => {
    const range = ipRange(text);
    return range === null || !isWholeRange(range);
  });
  const message = `\`${odd}\` is not the first address of its range.`;
  return odd === undefined ? null : meaningless(`${path}.allowedIpRanges`, message);
}
