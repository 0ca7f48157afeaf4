// Random worlds (policies, a token, limits, a promise, backends) and situations (one ask each). Values are drawn from
// small pools that meet each other often and stand on both sides of every edge.
import fc from "fast-check";
import type { Backend } from "../../../../src/azure/backend.ts";
import type { AuthorizationDetail } from "../../../../src/capability/claims.ts";
import { AgentId, TenantId, TokenId } from "../../../../src/kernel/ids.ts";
import { Constraints } from "../../../../src/policy/constraints.ts";
import type { Policy } from "../../../../src/policy/policy.ts";
import { deploymentOfResource } from "../../../../src/policy/resource.ts";
import type { PlatformSnapshot, Snapshot } from "../../../../src/policy/snapshot.ts";
import { Tenant, type TenantLimits } from "../../../../src/policy/tenant.ts";
import { NO_PROMISE, ResidencyPromise } from "../../../../src/residency/promise.ts";
import { backendId, backendOf, deploymentOf } from "../../azure/azure-fixture.ts";
import { ask, capability, type DecideInput, place, policyId, policyOf } from "../decide-fixture.ts";

/** All that one decision needs but for the ask: many asks are put to one world. */
export interface World {
  readonly policies: readonly Policy[];
  readonly authorization: readonly AuthorizationDetail[] | null;
  readonly limits: TenantLimits;
  readonly promise: ResidencyPromise;
  readonly deployments: PlatformSnapshot["deployments"];
}
export type Situation = Omit<DecideInput, "snapshot">;
/** What a policy or a token may say, drawn in pieces that have a meaning of their own. */
type Piece = fc.Arbitrary<Constraints>;

export const hour = Date.parse("2026-09-21T14:00:00.000Z");
const momentAt = (epochMs: number) => new Date(epochMs).toISOString();

/** Every tool that a list or an ask may name, and two that none names. */
export const toolPool = [
  "function:search",
  "function:mail",
  "function:unlisted",
  "function",
  "custom:search",
  "web_search",
  "mcp",
  "brand_new",
] as const;

/** What each spelling of an address means; null = no address. Cedar and the reference are given the meaning. */
export const addressMeanings: Readonly<Record<string, string | null>> = {
  "192.0.2.1": "192.0.2.1",
  "192.0.2.64": "192.0.2.64",
  "192.0.2.127": "192.0.2.127",
  "192.0.2.128": "192.0.2.128",
  "::ffff:192.0.2.65": "192.0.2.65",
  "::ffff:c000:241": "192.0.2.65",
  "2001:db8::1": "2001:db8::1",
  "2001:db8:8000::1": "2001:db8:8000::1",
  somewhere: null,
};
export const rangeMeanings: Readonly<Record<string, string>> = {
  "0.0.0.0/0": "0.0.0.0/0",
  "192.0.2.0/24": "192.0.2.0/24",
  "192.0.2.64/26": "192.0.2.64/26",
  "192.0.2.1/32": "192.0.2.1/32",
  "::ffff:192.0.2.64/122": "192.0.2.64/26",
  "::/0": "::/0",
  "2001:db8::/32": "2001:db8::/32",
  "2001:db8::/33": "2001:db8::/33",
};

/** A role that would break out of a text that is not escaped. */
const oddRole = 'a"b\\c*';
const someOf = <T>(...values: readonly T[]) => fc.subarray([...values], { minLength: 1 });

const selectors: readonly Piece[] = [
  someOf("tenant-a", "tenant-b").map((allowedTenants) => ({ allowedTenants })),
  someOf("analyst", "employee", oddRole).map((allowedRoles) => ({ allowedRoles })),
  someOf(1, 2).map((agents) => ({ allowedAgents: agents.map((index) => agentId(index)) })),
  fc
    .constantFrom("public" as const, "internal" as const, "confidential" as const, "restricted" as const)
    .map((dataClassification) => ({ dataClassification })),
  fc.constantFrom(true, true, false).map((encryptionRequired) => ({ encryptionRequired })),
  someOf("DE", "FR", "US").map((allowedCountries) => ({ allowedCountries })),
  someOf("FR", "US", "KP").map((deniedCountries) => ({ deniedCountries })),
  fc
    .subarray(Object.keys(rangeMeanings), { minLength: 1, maxLength: 4 })
    .map((allowedIpRanges) => ({ allowedIpRanges })),
  fc.constantFrom(hour - 1, hour, hour + 1).map((ms) => ({ validFrom: momentAt(ms) })),
  fc.constantFrom(hour, hour + 1, hour + 2).map((ms) => ({ validUntil: momentAt(ms) })),
];

const limitPieces: readonly Piece[] = [
  fc.constantFrom(1, 5).map((maxRequestsPerMinute) => ({ maxRequestsPerMinute })),
  fc.constantFrom(7, 9).map((maxRequestsPerDay) => ({ maxRequestsPerDay })),
  fc.constantFrom(50, 101, 400, 1_000).map((maxTokensPerMinute) => ({ maxTokensPerMinute })),
  fc.constantFrom(60, 102, 500, 1_100).map((maxTokensPerDay) => ({ maxTokensPerDay })),
  fc.constantFrom(0.000001, 0.00029, 0.002, 5).map((maxCostPerDay) => ({ maxCostPerDay })),
  fc.constantFrom(0.000002, 0.001, 0.0029, 8).map((maxCostPerMonth) => ({ maxCostPerMonth })),
  fc.constantFrom(2, 3).map((maxConcurrentRequests) => ({ maxConcurrentRequests })),
];

const others: readonly Piece[] = [
  fc.constantFrom(99, 100, 101, 102, 500, 502, 1_100).map((maxTokensPerRequest) => ({ maxTokensPerRequest })),
  fc.constantFrom(1, 99, 400, 1_200).map((maxOutputTokens) => ({ maxOutputTokens })),
  fc.constantFrom(399, 400, 401).map((maxPromptCharacters) => ({ maxPromptCharacters })),
  fc
    .constantFrom<NonNullable<Constraints["parameters"]>[]>(
      { temperature: { max: 1 } },
      { temperature: { min: 0.5 } },
      { temperature: { min: 0.25, max: 1.5 }, n: { max: 2 } },
      { n: { min: 2, max: 2 } },
    )
    .map((parameters) => ({ parameters })),
  fc
    .constantFrom<NonNullable<Constraints["deniedPatterns"]>[]>(
      { action: "deny", builtIn: ["script_markup"] },
      { action: "deny", builtIn: ["data_url_markup"], patterns: ["Project X"] },
      { action: "deny", patterns: ["Project X", "project y"] },
      { action: "strip", patterns: ["Project X"] },
      { action: "strip", builtIn: ["data_url_markup"], patterns: ["secret", "Project X"] },
    )
    .map((deniedPatterns) => ({ deniedPatterns })),
  fc.oneof(...limitPieces),
  fc.oneof(...limitPieces),
  fc
    .tuple(fc.oneof(...limitPieces), fc.constantFrom("tenant" as const, "user" as const, "address" as const))
    .map(([limit, quotaScope]) => ({ ...limit, quotaScope })),
  fc.constantFrom("standard" as const, "detailed" as const).map((auditLogging) => ({ auditLogging })),
  fc.constantFrom("eu" as const, "eu" as const, "us" as const).map((dataResidency) => ({ dataResidency })),
  fc
    .constantFrom("region" as const, "zone" as const, "global" as const)
    .map((processing) => ({ processing })),
  fc
    .subarray([...toolPool.filter((tool) => !["function:unlisted", "brand_new"].includes(tool))], {
      minLength: 1,
    })
    .map((allowedTools) => ({ allowedTools })),
  fc.constantFrom(true, true, false).map((allowStore) => ({ allowStore })),
];

/** Not built yet, or not judged here. Whatever is in no piece is listed in generators.test.ts. */
const unavailable: readonly Piece[] = [
  fc.boolean().map((noPersonalData) => ({ noPersonalData })),
  fc.constant({ noSecrets: { action: "redact" as const } }),
];

const merged = (pieces: readonly Constraints[]): Constraints =>
  Constraints.parse(Object.assign({}, ...pieces));
const constraintsOf = (pieces: fc.Arbitrary<Constraints>, maxLength: number) =>
  fc.array(pieces, { maxLength }).map(merged);
const anyPiece = fc.oneof(
  { weight: 9, arbitrary: fc.oneof(...selectors) },
  { weight: 12, arbitrary: fc.oneof(...others) },
  { weight: 1, arbitrary: fc.oneof(...unavailable) },
);
const constraints = constraintsOf(anyPiece, 3);
const boundaryConstraints = constraintsOf(anyPiece, 1);
const denyConstraints = fc
  .array(
    fc.oneof(
      { weight: 30, arbitrary: fc.oneof(...selectors) },
      { weight: 1, arbitrary: fc.oneof(...unavailable) },
    ),
    { minLength: 1, maxLength: 3 },
  )
  .map(merged);

type Actions = ("*" | "chat" | "embedding")[];
const actions = fc.constantFrom<Actions>(
  ["*"],
  ["*"],
  ["chat"],
  ["chat"],
  ["embedding", "chat"],
  ["embedding"],
);
const wideResources = ["*", "api://azure-openai/*", "api://azure-openai/models/*"] as const;
const resources = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...wideResources).map((pattern) => [pattern]) },
  {
    weight: 2,
    arbitrary: fc.subarray(
      [
        "api://azure-openai",
        "api://azure-openai/models/gpt-4",
        "api://azure-openai/models/gpt-4/*",
        "api://azure-openai/models/gpt-4o",
        "api://azure-openai-test/*",
        "api://tools/search",
      ],
      { minLength: 1, maxLength: 3 },
    ),
  },
);

const rule = {
  actions,
  resources,
  priority: fc.constantFrom(0, 1, 100),
  createdAt: fc.constantFrom("2026-01-01T00:00:00.000Z", "2026-01-02T00:00:00.000Z"),
  mode: fc.constantFrom(...Array<"enforce">(9).fill("enforce"), "shadow" as const),
  scope: fc.constantFrom("tenant-a", "tenant-a", "platform"),
};
const grant = fc.record({ ...rule, constraints, kind: fc.constant("grant"), effect: fc.constant("allow") });
const deny = fc.record({
  ...rule,
  actions: fc.constantFrom(["*"], ["chat"], ["embedding"], ["embedding"]),
  constraints: denyConstraints,
  effect: fc.constant("deny"),
});
const boundary = fc.record({
  ...rule,
  actions: fc.constantFrom(["*"], ["*"], ["*"], ["chat"]),
  resources: fc.constantFrom<string[]>(
    ["*"],
    ["*"],
    ["api://azure-openai/*"],
    ["api://azure-openai/models/*"],
  ),
  constraints: boundaryConstraints,
  kind: fc.constant("boundary"),
  effect: fc.constant("allow"),
});
const policies: fc.Arbitrary<readonly Policy[]> = fc
  .tuple(
    fc.array(grant, { minLength: 1, maxLength: 5 }),
    fc.oneof(fc.constant([]), fc.array(deny, { maxLength: 2 })),
    fc.oneof(fc.constant([]), fc.array(boundary, { maxLength: 2 })),
  )
  .chain(([grants, denies, boundaries]) => {
    const all = [...grants, ...denies, ...boundaries];
    return fc.shuffledSubarray(all, { minLength: all.length });
  })
  .map((all) => all.map((fields, index) => policyOf({ ...fields, id: policyId(index + 1) })));

const detail: fc.Arbitrary<AuthorizationDetail> = fc.record({
  type: fc.constant("model_invocation" as const),
  actions,
  locations: resources,
  constraints: constraintsOf(anyPiece, 1),
});
const authorization = fc.oneof(
  { weight: 2, arbitrary: fc.constant(null) },
  { weight: 1, arbitrary: fc.array(detail, { minLength: 1, maxLength: 3 }) },
);

/** In the EU; in Microsoft's EU zone alone; in the US; anywhere. */
const backends: readonly Backend[] = [
  backendOf({ id: backendId(1), region: "swedencentral", sku: "Standard" }),
  backendOf({ id: backendId(2), region: "swedencentral", sku: "DataZoneStandard" }),
  backendOf({ id: backendId(3), region: "norwayeast", sku: "Standard" }),
  backendOf({ id: backendId(4), region: "eastus", sku: "Standard" }),
  backendOf({ id: backendId(5), region: "swedencentral", sku: "GlobalStandard" }),
  backendOf({ id: backendId(6), region: "swedencentral", sku: "Standard", classification: "internal" }),
];
const deployments = fc
  .tuple(
    fc.constantFrom<number[]>([0, 1, 4], [1, 3], [2, 4], [5, 4], [3], [0, 3, 4]),
    fc.constantFrom("restricted", "restricted", "internal"),
  )
  .map(([chosen, classification]) => {
    const its = backends.filter((_, index) => chosen.includes(index));
    return [deploymentOf({ name: "gpt-4", backends: its, classification })];
  });

const promise: fc.Arbitrary<ResidencyPromise> = fc
  .constantFrom<object[]>(
    ...Array<object>(6).fill({}),
    { zone: "eu" },
    { zone: "eu", processing: "region" },
    { zone: "eu", processing: "global", euReading: "members" },
    { zone: "us" },
  )
  .map((given) => ResidencyPromise.parse(given));

const limits: fc.Arbitrary<TenantLimits> = fc
  .array(fc.oneof(...limitPieces), { maxLength: 1 })
  .map((pieces) => Object.assign({}, ...pieces));

export const anyWorld: fc.Arbitrary<World> = fc.record({
  policies,
  authorization,
  limits,
  promise,
  deployments,
});

const agentId = (index: number): AgentId => AgentId.parse(`agent_${"0".repeat(31)}${index}`);
const agents = [agentId(1), agentId(2)] as const;
const tenants = [TenantId.parse("tenant-a"), TenantId.parse("tenant-b")] as const;
const tokens = [1, 2].map((index) => TokenId.parse(`token_${"0".repeat(31)}${index}`));

const anyCapability = fc
  .record({
    tenantId: fc.constantFrom(tenants[0], tenants[0], tenants[0], tenants[1]),
    agentId: fc.constantFrom(agents[0], agents[0], agents[1]),
    tokenId: fc.constantFrom(...tokens),
    roles: fc.constantFrom<string[]>(["analyst", "employee"], ["analyst"], ["employee", oddRole], []),
  })
  .map((fields) => ({ ...capability, ...fields }));

const anyContent = fc.record({
  promptCharacters: fc.constantFrom(10, 399, 400, 401, null),
  parameters: fc.constantFrom(
    {},
    {},
    { temperature: 0.5, n: 2 },
    { temperature: 1, n: 1 },
    { temperature: 1.5, n: 3 },
    { temperature: 0.25 },
    { temperature: null, n: 2 },
    null,
  ),
  literals: fc.constantFrom<readonly string[] | null>(
    [],
    [],
    [],
    ["<script"],
    ["data:image/"],
    ["project x", "secret"],
    ["project y"],
    null,
  ),
  canStrip: fc.constantFrom(true, true, true, false),
});

const anyAsk = fc
  .record({
    action: fc.constantFrom("chat" as const, "chat" as const, "chat" as const, "embedding" as const),
    resource: fc.constantFrom(
      ...Array<string>(8).fill("api://azure-openai/models/gpt-4"),
      "api://azure-openai/models/gpt-4o",
      "api://azure-openai/models/gpt-4/versions/1",
      "api://azure-openai",
      "api://azure-openai/models",
      "api://azure-openai-test/models/gpt-4",
      "api://tools/search",
    ),
    promptTokens: fc.constantFrom(0, 99, 100, 100, 101, 101, 499, 500, null),
    outputTokens: fc.constantFrom(0, 1, 99, 400, 1_000, null),
    choices: fc.constantFrom(1, 1, 1, 2, 3),
    classification: fc.constantFrom(
      "public" as const,
      "internal" as const,
      "internal" as const,
      "confidential" as const,
      "restricted" as const,
    ),
    endUser: fc.constantFrom("somebody", "somebody", null),
    clientAddress: fc.constantFrom("a hashed address", "a hashed address", null),
    tools: fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom<readonly string[] | null>([], [], [], null) },
      { weight: 3, arbitrary: fc.subarray([...toolPool], { minLength: 1, maxLength: 2 }) },
    ),
    stores: fc.constantFrom(false, true, true, null),
    price: fc.constantFrom(
      { inputPicoUsd: 2_500_000, cachedInputPicoUsd: 1_250_000, outputPicoUsd: 10_000_000 },
      { inputPicoUsd: 150_001, cachedInputPicoUsd: 0, outputPicoUsd: 600_999 },
      { inputPicoUsd: 7_000_333, cachedInputPicoUsd: 0, outputPicoUsd: 333 },
      { inputPicoUsd: 2_500_000, cachedInputPicoUsd: 1_250_000, outputPicoUsd: 10_000_000 },
      { inputPicoUsd: 150_001, cachedInputPicoUsd: 0, outputPicoUsd: 600_999 },
      { inputPicoUsd: 20_000, cachedInputPicoUsd: 0, outputPicoUsd: null },
      null,
    ),
    content: anyContent,
  })
  .map((fields) => ({
    ...ask,
    ...fields,
    deployment: deploymentOfResource(fields.resource) ?? fields.resource,
  }));

const anyPlace = fc
  .record({
    country: fc.constantFrom("DE", "DE", "DE", "FR", "US", null),
    tlsVersion: fc.constantFrom("TLSv1.3", "TLSv1.3", "TLSv1.2", "TLSv1.1", null),
    clientAddress: fc.constantFrom(...Object.keys(addressMeanings), null),
  })
  .map((fields) => ({ ...place, ...fields }));

export const anySituation: fc.Arbitrary<Situation> = fc.record({
  capability: anyCapability,
  ask: anyAsk,
  place: anyPlace,
  nowMs: fc.constantFrom(hour - 1, hour, hour, hour + 1, hour + 2),
});

/** As a store would hand it over. */
export const snapshotOf = ({ policies, limits, promise, deployments }: World): Snapshot => ({
  platform: {
    revision: 1,
    policies: policies.filter(({ scope }) => scope === "platform"),
    deployments,
  },
  tenant: {
    revision: 1,
    tenant: Tenant.parse({ id: "tenant-a", name: "Tenant A", limits, residency: promise }),
    policies: policies.filter(({ scope }) => scope !== "platform"),
  },
});

/** One snapshot for all of them, as between two writes. */
export function inputsOf(world: World, situations: readonly Situation[]): readonly DecideInput[] {
  const snapshot = snapshotOf(world);
  const { authorization } = world;
  return situations.map((one) => ({
    ...one,
    capability: { ...one.capability, authorization },
    snapshot,
  }));
}

/** Another world, in which every policy and token says something else. */
export const rewritten = (world: World, change: (given: Constraints) => Constraints): World => ({
  ...world,
  policies: world.policies.map((policy) => ({ ...policy, constraints: change(policy.constraints) })),
  authorization:
    world.authorization?.map((one) => ({ ...one, constraints: change(one.constraints) })) ?? null,
});

/** A world in which nothing is promised or demanded of where Azure processes. */
export const anyUnplacedWorld: fc.Arbitrary<World> = anyWorld.map((world) => ({
  ...rewritten(world, ({ dataResidency, processing, ...rest }) => rest),
  promise: NO_PROMISE,
}));
