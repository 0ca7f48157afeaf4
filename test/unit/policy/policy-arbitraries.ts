// Random policies, tokens and asks, drawn from small pools so that they meet each other often.
import fc from "fast-check";
import type { AuthorizationDetail, Capability, HeldDetail } from "../../../src/capability/claims.ts";
import { TokenId } from "../../../src/kernel/ids.ts";
import { Constraints } from "../../../src/policy/constraints.ts";
import type { Ask } from "../../../src/policy/decision.ts";
import type { Policy } from "../../../src/policy/policy.ts";
import type { Snapshot } from "../../../src/policy/snapshot.ts";
import type { TenantLimits } from "../../../src/policy/tenant.ts";
import type { Place } from "../../../src/residency/place.ts";
import { ResidencyPromise } from "../../../src/residency/promise.ts";
import {
  ask,
  capability,
  type DecideInput,
  nowMs,
  place,
  policyId,
  policyOf,
  snapshotOf,
} from "./decide-fixture.ts";

const actions = fc.subarray(["chat", "embedding", "*"] as const, { minLength: 1 });
const resources = fc.subarray(
  [
    "*",
    "api://azure-openai/*",
    "api://azure-openai/models/*",
    "api://azure-openai/models/gpt-4",
    "api://other/*",
  ],
  { minLength: 1, maxLength: 2 },
);

const liveValues = {
  allowedTenants: fc.constantFrom(["tenant-a"], ["tenant-b"], ["tenant-a", "tenant-b"]),
  allowedRoles: fc.constantFrom(["analyst"], ["employee"], ["analyst", "employee"]),
  allowedAgents: fc.constantFrom([capability.agentId], [`agent_${"0".repeat(31)}2`]),
  maxOutputTokens: fc.integer({ min: 1, max: 1_200 }),
  maxPromptCharacters: fc.constantFrom(100, 400, 1_000),
  parameters: fc.constantFrom({ temperature: { max: 1 } }, { temperature: { min: 1 }, n: { max: 2 } }),
  deniedPatterns: fc.constantFrom<object[]>(
    { builtIn: ["script_markup"] },
    { patterns: ["secret"], action: "strip" },
    { builtIn: ["data_url_markup"], patterns: ["secret"], action: "strip" },
  ),
  maxTokensPerRequest: fc.integer({ min: 1, max: 1_200 }),
  maxRequestsPerDay: fc.integer({ min: 1, max: 5 }),
  maxTokensPerDay: fc.integer({ min: 1, max: 1_200 }),
  maxRequestsPerMinute: fc.integer({ min: 1, max: 5 }),
  maxTokensPerMinute: fc.integer({ min: 1, max: 1_200 }),
  maxCostPerDay: fc.constantFrom(0.000001, 0.001, 0.01, 5),
  maxCostPerMonth: fc.constantFrom(0.000001, 0.002, 0.02, 5),
  maxConcurrentRequests: fc.integer({ min: 1, max: 5 }),
  quotaScope: fc.constantFrom("agent", "tenant", "user", "address"),
  dataClassification: fc.constantFrom("public", "internal", "restricted"),
  encryptionRequired: fc.boolean(),
  auditLogging: fc.constantFrom("standard", "detailed"),
  requiresApproval: fc.boolean(),
  allowedCountries: fc.constantFrom(["DE"], ["DE", "FR"], ["US"]),
  deniedCountries: fc.constantFrom(["KP"], ["US", "FR"]),
  allowedIpRanges: fc.constantFrom(["192.0.2.0/24"], ["198.51.100.0/24", "2001:db8::/32"]),
  validFrom: fc.constantFrom("2026-01-01T00:00:00.000Z", "2027-01-01T00:00:00.000Z"),
  validUntil: fc.constantFrom("2026-01-01T00:00:00.000Z", "2027-01-01T00:00:00.000Z"),
  dataResidency: fc.constantFrom("eu", "us"),
  processing: fc.constantFrom("region", "zone", "global"),
  allowedTools: fc.constantFrom(["function"], ["function:search", "web_search"], ["mcp"]),
  allowStore: fc.boolean(),
};
/** Some of the values of each live key. */
export const liveEntries = Object.entries(liveValues).map(([key, values]) =>
  (values as fc.Arbitrary<unknown>).map((value) => [key, value] as const),
);
/** Up to three live keys; now and then one that is not built yet. Only what is kept is drawn: most of a run is drawing. */
const liveConstraints = fc
  .subarray(liveEntries, { maxLength: 3 })
  .chain((entries) => fc.tuple(...entries))
  .map((kept) => Object.fromEntries(kept));
export const someConstraints: fc.Arbitrary<Constraints> = fc
  .tuple(
    liveConstraints,
    fc.option(fc.constant({ noSecrets: true }), { freq: 1 }),
    fc.integer({ min: 0, max: 9 }),
  )
  .map(([live, later, dice]) => Constraints.parse(dice === 0 ? { ...live, ...later } : live));

const rule = fc.record({
  actions,
  resources,
  constraints: someConstraints,
  priority: fc.integer({ min: 0, max: 2 }),
  createdAt: fc.constantFrom("2026-01-01T00:00:00.000Z", "2026-01-02T00:00:00.000Z"),
  mode: fc.option(fc.constant("enforce" as const), { freq: 8, nil: "shadow" as const }),
  scope: fc.constantFrom("tenant-a", "platform"),
});

export const grant = rule.map(
  (fields): Policy => policyOf({ ...fields, id: policyId(900), effect: "allow" }),
);
export const deny = rule.map((fields): Policy => policyOf({ ...fields, id: policyId(901), effect: "deny" }));
export const boundary = rule.map(
  (fields): Policy => policyOf({ ...fields, id: policyId(902), kind: "boundary", effect: "allow" }),
);

/** Up to six policies with ids of their own, grants above all. */
export const policySet: fc.Arbitrary<readonly Policy[]> = fc
  .array(
    fc.oneof(
      { weight: 12, arbitrary: grant },
      { weight: 3, arbitrary: deny },
      { weight: 1, arbitrary: boundary },
    ),
    { maxLength: 6 },
  )
  .map((policies) => policies.map((policy, index) => ({ ...policy, id: policyId(index + 1) })));

export const anyAsk: fc.Arbitrary<Ask> = fc
  .record({
    action: fc.constantFrom("chat" as const, "embedding" as const),
    deployment: fc.constantFrom("gpt-4", "gpt-4o"),
    promptTokens: fc.option(fc.integer({ min: 0, max: 1_000 }), { freq: 8 }),
    outputTokens: fc.option(fc.integer({ min: 0, max: 1_000 }), { freq: 8 }),
    outputIsFixed: fc.constantFrom(false, false, false, true),
    choices: fc.integer({ min: 1, max: 5 }),
    classification: fc.constantFrom("public" as const, "internal" as const, "restricted" as const),
    endUser: fc.constantFrom("somebody", null),
    clientAddress: fc.constantFrom("somewhere", null),
    tools: fc.constantFrom([], [], ["function:search"], ["function:search", "web_search"], null),
    stores: fc.constantFrom(false, true, null),
    content: fc.record({
      promptCharacters: fc.constantFrom(100, 400, 401, null),
      parameters: fc.constantFrom({}, { temperature: 0.5 }, { temperature: 2, n: 2 }, null),
      literals: fc.constantFrom<readonly string[] | null>([], [], ["<script"], ["secret"], null),
      canStrip: fc.boolean(),
    }),
    price: fc.option(
      fc.record({
        inputPicoUsd: fc.integer({ min: 0, max: 5_000_000 }),
        cachedInputPicoUsd: fc.constant(0),
        outputPicoUsd: fc.option(fc.integer({ min: 0, max: 50_000_000 }), { freq: 8 }),
      }),
      { freq: 8 },
    ),
    units: fc.constantFrom(
      ...Array<null>(9).fill(null),
      { unit: "picture" as const, atMost: 4, picoUsdPerUnit: 80_000_000_001 },
      { unit: "character" as const, atMost: 4, picoUsdPerUnit: null },
      { unit: "audio_second" as const, atMost: null, picoUsdPerUnit: 100_000_000 },
    ),
  })
  .map(({ units, ...fields }) => ({
    ...ask,
    ...fields,
    ...(units && { units }),
    resource: `api://azure-openai/models/${fields.deployment}`,
  }));

export const someDetail: fc.Arbitrary<AuthorizationDetail> = fc.record({
  type: fc.constant("model_invocation" as const),
  actions,
  locations: resources,
  constraints: someConstraints,
});

/** Now and then of a child, whose details stand inside others. */
const heldDetail: fc.Arbitrary<HeldDetail> = fc
  .tuple(someDetail, fc.option(someDetail, { freq: 1 }), fc.integer({ min: 0, max: 2 }))
  .map(([own, outer, dice]) =>
    outer === null || dice > 0
      ? own
      : { ...own, within: [{ rootTokenId: TokenId.parse(`token_${"0".repeat(31)}8`), detail: outer }] },
  );

export const someDetails = fc.array(heldDetail, { minLength: 1, maxLength: 3 });

export const anyCapability: fc.Arbitrary<Capability> = fc
  .record({
    roles: fc.subarray(["analyst", "employee"]),
    authorization: fc.option(someDetails, { freq: 1 }),
  })
  .map((fields) => ({ ...capability, ...fields }));

export const anyPlace: fc.Arbitrary<Place> = fc
  .record({
    tlsVersion: fc.constantFrom("TLSv1.3", "TLSv1.2", "TLSv1.1", null),
    country: fc.constantFrom("DE", "DE", "US", null),
    clientAddress: fc.constantFrom("192.0.2.1", "2001:db8::1", null),
  })
  .map((fields) => ({ ...place, ...fields }));

export const anyLimits: fc.Arbitrary<TenantLimits> = fc.record(
  {
    maxRequestsPerDay: fc.integer({ min: 1, max: 5 }),
    maxTokensPerDay: fc.integer({ min: 1, max: 1_200 }),
    maxCostPerMonth: fc.constantFrom(0.000001, 0.01),
    maxConcurrentRequests: fc.integer({ min: 1, max: 5 }),
  },
  { requiredKeys: [] },
);

/** Policies where their scope puts them: the platform's part or the tenant's. */
export const snapshotWith = (policies: readonly Policy[], limits: TenantLimits = {}): Snapshot =>
  snapshotOf(
    policies.filter(({ scope }) => scope !== "platform"),
    limits,
    policies.filter(({ scope }) => scope === "platform"),
  );

/** What a tenant promises, if anything. */
export const anyPromise: fc.Arbitrary<ResidencyPromise> = fc
  .constantFrom({}, {}, { zone: "eu" }, { zone: "eu", processing: "region" }, { zone: "us" })
  .map((promise) => ResidencyPromise.parse(promise));

/** Everything but the policies. */
export const anyCircumstances = fc.record({
  capability: anyCapability,
  ask: anyAsk,
  place: anyPlace,
  limits: anyLimits,
  promise: anyPromise,
  nowMs: fc.constant(nowMs),
});

export function inputOf(
  policies: readonly Policy[],
  {
    limits,
    promise,
    ...rest
  }: Omit<DecideInput, "snapshot"> & { readonly limits: TenantLimits; readonly promise: ResidencyPromise },
): DecideInput {
  const { platform, tenant } = snapshotWith(policies, limits);
  return {
    ...rest,
    snapshot: {
      platform,
      tenant: { ...tenant, tenant: { ...tenant.tenant, residency: promise } },
    },
  };
}
