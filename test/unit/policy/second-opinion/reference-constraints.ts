// What each constraint means, one `if` a line: docs/contracts.md and docs/policies.md. A fact that nobody can supply
// is `indeterminate`.
import { BlockList, isIP } from "node:net";
import type { RefusalCode } from "../../../../src/kernel/refusal.ts";
import type { Constraints } from "../../../../src/policy/constraints.ts";
import type { DecideInput } from "../decide-fixture.ts";
import { addressMeanings, classifications, literalOf, rangeMeanings } from "./pools.ts";

export type Codes = readonly RefusalCode[];

/** Stored, and not built yet: whatever it says, it refuses. */
export const isUnavailable = (constraints: Constraints): boolean =>
  constraints.noPersonalData !== undefined || constraints.noSecrets !== undefined;

export function covers(
  actions: readonly string[],
  resources: readonly string[],
  { ask }: Pick<DecideInput, "ask">,
): boolean {
  const coversAction = actions.includes("*") || actions.includes(ask.action);
  return coversAction && resources.some((pattern) => matches(pattern, ask.resource));
}

function matches(pattern: string, resource: string): boolean {
  if (pattern === "*") return true;
  if (pattern.endsWith("/*")) return resource.startsWith(`${pattern.slice(0, -2)}/`);
  return resource === pattern;
}

export function unmetSelectors(
  constraints: Constraints,
  { capability, ask, place, nowMs }: DecideInput,
): Codes {
  const unmet: RefusalCode[] = [];
  const { allowedTenants, allowedRoles, allowedAgents, dataClassification, encryptionRequired } = constraints;
  const { allowedCountries, deniedCountries, allowedIpRanges, validFrom, validUntil } = constraints;

  if (allowedTenants && !allowedTenants.includes(capability.tenantId)) unmet.push("tenant_not_allowed");
  if (allowedAgents && !allowedAgents.includes(capability.agentId)) unmet.push("agent_not_allowed");
  if (allowedRoles && !capability.roles.some((role) => allowedRoles.includes(role)))
    unmet.push("role_not_allowed");
  if (
    dataClassification &&
    classifications.indexOf(ask.classification) > classifications.indexOf(dataClassification)
  )
    unmet.push("classification_exceeded");

  if (encryptionRequired && place.tlsVersion === null) unmet.push("indeterminate");
  else if (encryptionRequired && place.tlsVersion !== "TLSv1.2" && place.tlsVersion !== "TLSv1.3")
    unmet.push("encryption_required");

  if (allowedCountries && place.country === null) unmet.push("indeterminate");
  else if (allowedCountries && !allowedCountries.some((country) => country === place.country))
    unmet.push("residency_country");
  if (deniedCountries && place.country === null) unmet.push("indeterminate");
  else if (deniedCountries?.some((country) => country === place.country)) unmet.push("residency_country");

  const address = place.clientAddress === null ? null : (addressMeanings[place.clientAddress] ?? null);
  if (allowedIpRanges && address === null) unmet.push("indeterminate");
  else if (allowedIpRanges && !allowedIpRanges.some((range) => holds(range, address)))
    unmet.push("address_not_allowed");

  if (validFrom && nowMs < Date.parse(validFrom)) unmet.push("outside_validity");
  if (validUntil && nowMs >= Date.parse(validUntil)) unmet.push("outside_validity");
  return unmet;
}

/** A range of one family holds no address of the other. */
function holds(range: string, address: string | null): boolean {
  const [network = "", bits] = (rangeMeanings[range] ?? "").split("/");
  if (address === null || isIP(network) !== isIP(address)) return false;
  const family = isIP(address) === 4 ? "ipv4" : "ipv6";
  const list = new BlockList();
  list.addSubnet(network, Number(bits), family);
  return list.check(address, family);
}

export function unmetContent(constraints: Constraints, { ask: { content } }: DecideInput): Codes {
  const unmet: RefusalCode[] = [];
  const { maxPromptCharacters, parameters = {}, deniedPatterns } = constraints;

  if (maxPromptCharacters !== undefined && content.promptCharacters === null) unmet.push("indeterminate");
  else if (maxPromptCharacters !== undefined && Number(content.promptCharacters) > maxPromptCharacters)
    unmet.push("prompt_characters_exceeded");

  for (const [name, { min, max }] of Object.entries(parameters)) {
    if (content.parameters === null) unmet.push("indeterminate");
    else if (!(name in content.parameters)) continue;
    else {
      const actual = content.parameters[name];
      const isNumber = typeof actual === "number";
      if (!isNumber || (min !== undefined && actual < min) || (max !== undefined && actual > max))
        unmet.push("parameter_not_allowed");
    }
  }

  if (deniedPatterns?.action === "strip") {
    if (!content.canStrip) unmet.push("indeterminate");
  } else if (deniedPatterns) {
    const { literals } = content;
    if (literals === null) unmet.push("indeterminate");
    else if (literals.some((literal) => isDenied(literal, deniedPatterns))) unmet.push("pattern_denied");
  }
  return unmet;
}

const isDenied = (
  literal: string,
  denied: Pick<NonNullable<Constraints["deniedPatterns"]>, "builtIn" | "patterns">,
): boolean =>
  (denied.builtIn ?? []).some((set) => literalOf[set] === literal) ||
  (denied.patterns ?? []).some((pattern) => pattern.toLowerCase() === literal);

export function unmetTools({ allowedTools }: Constraints, { ask: { tools } }: DecideInput): Codes {
  if (allowedTools === undefined) return [];
  if (tools === null) return ["indeterminate"];
  return tools.every((tool) => allowsTool(allowedTools, tool)) ? [] : ["tool_not_allowed"];
}

/** By its name, or by its type. */
export const allowsTool = (list: readonly string[], tool: string): boolean =>
  list.includes(tool) || list.includes(tool.split(":")[0] ?? tool);
