// Policies, token and limits as Cedar policies, and asks as Cedar requests. What Cedar has no words for stays out: the
// order of candidates, what is reserved, obligations, and where Azure may process.
import type { Context } from "@cedar-policy/cedar-wasm/nodejs";
import type { Constraints } from "../../../../src/policy/constraints.ts";
import type { Policy } from "../../../../src/policy/policy.ts";
import { addressMeanings, classifications, literalOf, rangeMeanings, toolPool } from "./pools.ts";
import type { Situation } from "./situations.ts";
import type { World } from "./worlds.ts";

/** Cedar's text of each policy, by id. */
export type CedarPolicies = Readonly<Record<string, string>>;

/** `known` = the facts are there; only then may `holds` be asked, for Cedar skips a policy with an error. */
interface Condition {
  readonly known: string;
  readonly holds: string;
}

export function cedarPolicies({ policies, authorization, limits }: World): CedarPolicies {
  const inForce = policies.filter(({ mode }) => mode === "enforce");
  const details = authorization?.map(({ actions, locations, constraints }) =>
    all([scope(actions, locations), ...conditions(constraints).map(isMet)]),
  );
  return {
    ...Object.fromEntries(inForce.map((policy) => [policy.id, policyText(policy)])),
    token: forbidUnless(any(details ?? ["true"])),
    tenant: forbidUnless(all(conditions(limits).map(isMet))),
  };
}

function policyText({ effect, kind, actions, resources, constraints }: Policy): string {
  const covered = scope(actions, resources);
  const asked = conditions(constraints);
  if (effect === "deny") {
    // It denies as well where nobody can say whether it applies, and whatever it says besides what is not built yet.
    const unless = isUnavailable(constraints)
      ? []
      : asked.map(({ known, holds }) => (known === "true" ? holds : `!(${known}) || (${holds})`));
    return `forbid (principal, action, resource) when { ${all([covered, ...unless])} };`;
  }
  const inside = all([covered, ...asked.map(isMet)]);
  return kind === "boundary"
    ? forbidUnless(inside)
    : `permit (principal, action, resource) when { ${inside} };`;
}

const forbidUnless = (condition: string): string =>
  `forbid (principal, action, resource) unless { ${condition} };`;

const isMet = ({ known, holds }: Condition): string => all(known === "true" ? [holds] : [known, holds]);
const joined = (parts: readonly string[], operator: string, none: string): string =>
  parts.length === 0 ? none : parts.map((part) => `(${part})`).join(operator);
const all = (parts: readonly string[]): string => joined(parts, " && ", "true");
const any = (parts: readonly string[]): string => joined(parts, " || ", "false");
const text = (value: string): string => `"${value.replaceAll(/["\\]/g, "\\$&")}"`;
const set = (values: readonly string[]): string => `[${values.map(text).join(", ")}]`;
/** Cedar counts in whole numbers; no value here has more digits. */
const tenThousandths = (value: number): number => Math.round(value * 10_000);

function scope(actions: readonly string[], resources: readonly string[]): string {
  const isAction = actions.map((action) => (action === "*" ? "true" : `action == Action::${text(action)}`));
  const isResource = resources.map(
    (pattern) => `context.resource ${pattern.endsWith("*") ? "like" : "=="} ${text(pattern)}`,
  );
  return all([any(isAction), any(isResource)]);
}

const isUnavailable = ({ noPersonalData, noSecrets }: Constraints): boolean =>
  noPersonalData !== undefined || noSecrets !== undefined;

function conditions(constraints: Constraints): readonly Condition[] {
  const asked: Condition[] = [];
  const ask = (holds: string, known = "true") => asked.push({ known, holds });
  const c = constraints;

  if (isUnavailable(c)) ask("true", "false");

  if (c.allowedTenants) ask(`${set(c.allowedTenants)}.contains(context.tenant)`);
  if (c.allowedRoles) ask(`context.roles.containsAny(${set(c.allowedRoles)})`);
  if (c.allowedAgents) ask(`principal in [${c.allowedAgents.map((id) => `Agent::${text(id)}`).join(", ")}]`);
  if (c.dataClassification) ask(`context.classification <= ${classifications.indexOf(c.dataClassification)}`);
  if (c.encryptionRequired) ask(`["TLSv1.2", "TLSv1.3"].contains(context.tls)`, "context has tls");
  if (c.allowedCountries) ask(`${set(c.allowedCountries)}.contains(context.country)`, "context has country");
  if (c.deniedCountries) ask(`!(${set(c.deniedCountries)}.contains(context.country))`, "context has country");
  if (c.allowedIpRanges) {
    const ranges = c.allowedIpRanges.map((range) => `ip("${rangeMeanings[range]}")`);
    ask(any(ranges.map((range) => `ip(context.address).isInRange(${range})`)), "context has address");
  }
  if (c.validFrom) ask(`context.now >= ${Date.parse(c.validFrom)}`);
  if (c.validUntil) ask(`context.now < ${Date.parse(c.validUntil)}`);

  if (c.maxPromptCharacters)
    ask(`context.promptCharacters <= ${c.maxPromptCharacters}`, "context has promptCharacters");
  for (const [name, { min, max }] of Object.entries(c.parameters ?? {})) {
    const value = `context.parameters.${name}`;
    const within = all([
      `!(context.notNumbers.contains("${name}"))`,
      ...(min === undefined ? [] : [`${value} >= ${tenThousandths(min)}`]),
      ...(max === undefined ? [] : [`${value} <= ${tenThousandths(max)}`]),
    ]);
    const isAbsent = `!(context.parameters has ${name}) && !(context.notNumbers.contains("${name}"))`;
    ask(`(${isAbsent}) || (${within})`, "context has parameters");
  }
  if (c.deniedPatterns?.action === "strip") ask("true", "context.canStrip");
  else if (c.deniedPatterns) {
    const named = (c.deniedPatterns.patterns ?? []).map((pattern) => pattern.toLowerCase());
    const literals = [...(c.deniedPatterns.builtIn ?? []).map((one) => literalOf[one]), ...named];
    ask(`!(context.literals.containsAny(${set(literals)}))`, "context has literals");
  }

  const { allowedTools } = c;
  if (allowedTools) {
    // Cedar cannot ask something of every member of a set, so a type is written out as the tools of it.
    const listed = toolPool.filter((tool) =>
      allowedTools.some((name) => tool === name || tool.startsWith(`${name}:`)),
    );
    ask(`${set(listed)}.containsAll(context.tools)`, "context has tools");
  }

  if (c.maxTokensPerRequest)
    ask(`context.promptTokens + context.leastOutput <= ${c.maxTokensPerRequest}`, "context has promptTokens");
  if (c.maxOutputTokens)
    ask(
      `!context.isFixed || context.output <= ${c.maxOutputTokens}`,
      "!context.isFixed || context has promptTokens",
    );
  const countsTokens = c.maxTokensPerMinute ?? c.maxTokensPerDay;
  const countsCost = c.maxCostPerDay ?? c.maxCostPerMonth;
  if (countsTokens) ask("true", "context has promptTokens");
  if (countsCost) {
    ask("true", "context has promptTokens || (context.isByUnits && context.isFixed)");
    ask("true", "!context.isByUnits || (context has units && context has unitPrice)");
    const hasTokenPrice = "context has inputPrice && (!context.wantsOutput || context has outputPrice)";
    ask("true", `context.isByUnits || (${hasTokenPrice})`);
  }
  const counts =
    countsTokens ?? countsCost ?? c.maxRequestsPerMinute ?? c.maxRequestsPerDay ?? c.maxConcurrentRequests;
  if (counts && c.quotaScope === "user") ask("true", "context has endUser");
  if (counts && c.quotaScope === "address") ask("true", "context has hashedAddress");
  return asked;
}

/** Facts that nobody can supply are left out. */
export function cedarContext({ capability, ask, place, nowMs }: Situation): Context {
  const { content, price } = ask;
  const stated = Object.entries(content.parameters ?? {});
  const numbers = stated.flatMap(([name, value]) => (value === null ? [] : [[name, tenThousandths(value)]]));
  const { outputIsFixed = false, outputTokens, choices } = ask;
  const output = outputTokens ?? (outputIsFixed ? 0 : 1);
  const facts = {
    resource: ask.resource,
    tenant: capability.tenantId,
    roles: [...capability.roles],
    classification: classifications.indexOf(ask.classification),
    now: nowMs,
    country: place.country,
    tls: place.tlsVersion,
    address: place.clientAddress === null ? null : (addressMeanings[place.clientAddress] ?? null),
    tools: ask.tools === null ? null : [...ask.tools],
    promptTokens: ask.promptTokens,
    wantsOutput: output !== 0,
    output,
    isFixed: outputIsFixed,
    // What can be cut can be cut to one token for each choice.
    leastOutput: (outputIsFixed ? output : Math.min(output, 1)) * choices,
    inputPrice: price?.inputPicoUsd ?? null,
    outputPrice: price?.outputPicoUsd ?? null,
    isByUnits: ask.units !== undefined,
    units: ask.units?.atMost ?? null,
    // More than Cedar's numbers should have to hold; that it is known is all that is asked.
    unitPrice: ask.units?.picoUsdPerUnit == null ? null : 1,
    endUser: ask.endUser,
    hashedAddress: ask.clientAddress,
    promptCharacters: content.promptCharacters,
    literals: content.literals === null ? null : [...content.literals],
    canStrip: content.canStrip,
    notNumbers: stated.filter(([, value]) => value === null).map(([name]) => name),
    parameters: content.parameters && Object.fromEntries(numbers),
  };
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== null));
}
