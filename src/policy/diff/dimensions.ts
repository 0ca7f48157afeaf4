/**
 * Every dimension of a request, with values for all classes that the policies of one cell tell apart: each threshold and
 * just beyond it, each name and one that nobody mentions, and what is not known.
 */
import { AgentId, TenantId } from "../../kernel/ids.ts";
import { countryCodes } from "../../residency/country-codes.ts";
import { Classification } from "../classification.ts";
import { addressClasses } from "./address-classes.ts";
import {
  contentHolds,
  type Dimension,
  type Patch,
  selectorHolds,
  storeHolds,
  tokensHold,
  toolsHold,
} from "./dimension.ts";
import type { Entry, TokenContext } from "./entry.ts";
import { MAX_SAFE_TOKENS } from "./plain-point.ts";
import { literalPatches, rolePatches, toolPatches } from "./set-patches.ts";

export interface Surroundings {
  /** Whether tenants differ: for the platform's own policies. */
  readonly anyTenant: boolean;
  /** Moments before it are of no interest; null = all are. */
  readonly fromMs: number | null;
}

const classificationHolds = selectorHolds(["dataClassification"]);
const addressHolds = selectorHolds(["allowedIpRanges"]);

export function dimensionsOf(
  entries: readonly Entry[],
  context: TokenContext,
  { anyTenant, fromMs }: Surroundings,
): readonly Dimension[] {
  const all = entries.map(({ policy }) => policy.constraints);
  const named = (
    key: "allowedTenants" | "allowedAgents" | "allowedCountries" | "deniedCountries" | "allowedIpRanges",
  ) => [...new Set(all.flatMap((constraints) => constraints[key] ?? []))];
  const countries = [...new Set([...named("allowedCountries"), ...named("deniedCountries")])];
  const otherCountry = [...countryCodes].find((code) => !countries.includes(code));
  const tenants = named("allowedTenants").flatMap((id) => TenantId.safeParse(id).data ?? []);
  const agents = named("allowedAgents").flatMap((id) => AgentId.safeParse(id).data ?? []);

  return [
    {
      name: "tenant",
      patches: anyTenant ? [{}, ...tenants.map((tenantId) => ({ tenantId }))] : [{}],
      holds: selectorHolds(["allowedTenants"]),
    },
    {
      name: "agent",
      patches: [{}, ...agents.map((agentId) => ({ agentId }))],
      holds: selectorHolds(["allowedAgents"]),
    },
    {
      name: "roles",
      patches: [{}],
      patchesFor: rolePatches(entries),
      holds: selectorHolds(["allowedRoles"]),
    },
    {
      name: "classification",
      patches: [{}, ...Classification.options.map((classification) => ({ classification }))],
      holds: (entry, point) =>
        classificationHolds(entry, point) &&
        (entry.joint === null || entry.joint.isPlaced(point.classification)),
    },
    {
      name: "TLS",
      patches: [{}, { tlsVersion: "TLSv1.1" }, { tlsVersion: null }],
      holds: selectorHolds(["encryptionRequired"]),
    },
    {
      name: "country",
      patches: [
        {},
        ...countries.map((country) => ({ country })),
        ...(otherCountry === undefined ? [] : [{ country: otherCountry }]),
      ],
      holds: selectorHolds(["allowedCountries", "deniedCountries"]),
    },
    {
      name: "address",
      patches: [{}, ...addressClasses(named("allowedIpRanges")).map((clientAddress) => ({ clientAddress }))],
      holds: (entry, point) =>
        addressHolds(entry, point) &&
        !(entry.joint?.countsAddresses === true && point.clientAddress === null),
    },
    {
      name: "time",
      patches: momentPatches(entries, fromMs),
      holds: selectorHolds(["validFrom", "validUntil"]),
    },
    {
      name: "end user",
      patches: [{}, { endUser: "somebody" }],
      holds: ({ joint }, { endUser }) => !(joint?.countsUsers === true && endUser === null),
    },
    { name: "tools", patches: [{}], patchesFor: toolPatches(entries), holds: toolsHold },
    { name: "store", patches: [{}, { stores: true }], holds: storeHolds },
    { name: "tokens", patches: tokenPatches(entries, context), holds: tokensHold(context) },
    {
      name: "characters",
      patches: [
        {},
        ...thresholdsOf(all.flatMap(({ maxPromptCharacters: limit }) => limit ?? [])).map(
          (promptCharacters) => ({ promptCharacters }),
        ),
        { promptCharacters: null },
      ],
      holds: contentHolds(["maxPromptCharacters"]),
    },
    ...parameterDimensions(entries),
    {
      name: "texts",
      patches: [{}, { literals: null, canStrip: false, promptCharacters: null }],
      patchesFor: literalPatches(entries),
      holds: contentHolds(["deniedPatterns", "maxPromptCharacters"]),
    },
  ];
}

/** Each limit, and one more. */
const thresholdsOf = (limits: readonly number[]): readonly number[] => [
  ...new Set(limits.flatMap((limit) => (limit >= MAX_SAFE_TOKENS ? [limit] : [limit, limit + 1]))),
];

/** The first moment of each stretch between two boundaries. */
function momentPatches(entries: readonly Entry[], fromMs: number | null): readonly Patch[] {
  const boundaries = entries.flatMap(({ policy: { constraints } }) =>
    [constraints.validFrom, constraints.validUntil].flatMap((text) =>
      text === undefined ? [] : [Date.parse(text)],
    ),
  );
  const moments = [...new Set(boundaries)].sort((left, right) => left - right);
  const [first] = moments;
  const before = first === undefined || first <= EARLIEST_MS ? [] : [first - 1];
  const isOfInterest = (nowMs: number) => fromMs === null || nowMs >= fromMs;
  return [
    ...(fromMs === null && moments.length > 0 ? [] : [{}]),
    ...[...moments, ...before].filter(isOfInterest).map((nowMs) => ({ nowMs })),
  ];
}
const EARLIEST_MS = Date.parse("0000-01-01T00:00:00.000Z");

/**
 * What counts is whether there is an output at all, and prompt and least output together; so one token of output and
 * a prompt around each limit stand for all. Of an answer that nothing cuts, its own length counts as well.
 */
function tokenPatches(
  entries: readonly Entry[],
  { outputIsFixed }: Pick<TokenContext, "outputIsFixed">,
): readonly Patch[] {
  const limitsOf = (key: "perRequest" | "perChoice") =>
    thresholdsOf(entries.flatMap(({ joint }) => joint?.limits[key] ?? []));
  const sums = limitsOf("perRequest");
  const lengths = outputIsFixed ? limitsOf("perChoice") : [];
  return [
    {},
    ...lengths.map((outputTokens) => ({ outputTokens })),
    ...sums.flatMap((sum) =>
      [1, 0, ...lengths]
        .filter((outputTokens) => outputTokens <= sum)
        .map((outputTokens) => ({ promptTokens: sum - outputTokens, outputTokens })),
    ),
    { promptTokens: null },
    { outputTokens: 0 },
  ];
}

/** One dimension for each parameter: a policy's ranges hold each by itself. */
function parameterDimensions(entries: readonly Entry[]): readonly Dimension[] {
  const ranges = new Map<string, { min?: number | undefined; max?: number | undefined }[]>();
  for (const { policy } of entries)
    for (const [name, range] of Object.entries(policy.constraints.parameters ?? {}))
      ranges.set(name, [...(ranges.get(name) ?? []), range]);
  return [...ranges].map(([name, bounds]) => {
    const ends = [...new Set(bounds.flatMap(({ min, max }) => [min ?? [], max ?? []].flat()))].sort(
      (left, right) => left - right,
    );
    const values = [...ends, ...betweenOf(ends)];
    return {
      name: `parameter ${name}`,
      patches: [
        {},
        ...values.map((value) => ({ parameters: { [name]: value } })),
        { parameters: { [name]: null } },
      ],
      holds: contentHolds(["parameters"]),
    };
  });
}

/** A number below all, between each two, and above all. */
function betweenOf(sorted: readonly number[]): readonly number[] {
  const [first] = sorted;
  const last = sorted.at(-1);
  if (first === undefined || last === undefined) return [];
  const middles = sorted.slice(1).map((end, index) => (end + (sorted[index] ?? end)) / 2);
  const outside = [first - Math.max(1, Math.abs(first)), last + Math.max(1, Math.abs(last))];
  return [...middles, ...outside].filter(Number.isFinite);
}
