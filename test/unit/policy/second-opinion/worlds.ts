// Random worlds: policies, a token's details, limits, a promise, backends. Values are drawn from small pools that meet
// each other often and stand on both sides of every edge.
import fc from "fast-check";
import type { Backend } from "../../../../src/azure/backend.ts";
import type { AuthorizationDetail } from "../../../../src/capability/claims.ts";
import type { Constraints } from "../../../../src/policy/constraints.ts";
import type { Policy } from "../../../../src/policy/policy.ts";
import type { PlatformSnapshot, Snapshot } from "../../../../src/policy/snapshot.ts";
import { Tenant, type TenantLimits } from "../../../../src/policy/tenant.ts";
import { NO_PROMISE, ResidencyPromise } from "../../../../src/residency/promise.ts";
import { backendId, backendOf, deploymentOf } from "../../azure/azure-fixture.ts";
import { type DecideInput, policyId, policyOf } from "../decide-fixture.ts";
import { constraints, denyConstraints, fewConstraints, limitPieces } from "./constraint-pieces.ts";
import type { Situation } from "./situations.ts";

/** All that one decision needs but for the ask: many asks are put to one world. */
export interface World {
  readonly policies: readonly Policy[];
  readonly authorization: readonly AuthorizationDetail[] | null;
  readonly limits: TenantLimits;
  readonly promise: ResidencyPromise;
  readonly deployments: PlatformSnapshot["deployments"];
}

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
  constraints: fewConstraints,
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
  constraints: fewConstraints,
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

/** As a store would hand it over. */
export const snapshotOf = ({ policies, limits, promise, deployments }: World): Snapshot => ({
  platform: {
    revision: 1,
    policies: policies.filter(({ scope }) => scope === "platform"),
    deployments,
    withdrawnKeys: [],
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
