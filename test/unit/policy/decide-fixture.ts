// One tenant, one agent and one ask that a plain grant allows; every test changes one thing about them.
import { type AuthorizationDetail, type Capability, NOT_DELEGATED } from "../../../src/capability/claims.ts";
import { AgentId, PolicyId, TenantId, TokenId } from "../../../src/kernel/ids.ts";
import { decide } from "../../../src/policy/decide.ts";
import type { Ask, Candidate, Verdict } from "../../../src/policy/decision.ts";
import { Policy } from "../../../src/policy/policy.ts";
import type { Snapshot } from "../../../src/policy/snapshot.ts";
import { Tenant, type TenantLimits } from "../../../src/policy/tenant.ts";
import type { LimitClaim } from "../../../src/quota/limit-claim.ts";
import type { Place } from "../../../src/residency/place.ts";
import { backendId, backendOf, deploymentOf } from "../azure/azure-fixture.ts";

export type DecideInput = Parameters<typeof decide>[0];

export const tenantId = TenantId.parse("tenant-a");
export const tokenId = TokenId.parse(`token_${"0".repeat(31)}9`);
export const policyId = (index: number): PolicyId =>
  PolicyId.parse(`policy_${index.toString(16).padStart(32, "0")}`);

/** Parsed by the schema, as everything that a store hands to the decision core. */
export const policyOf = (changes: Record<string, unknown> = {}): Policy =>
  Policy.parse({
    id: policyId(1),
    scope: tenantId,
    name: "A policy",
    effect: "allow",
    actions: ["chat"],
    resources: ["api://azure-openai/models/*"],
    createdAt: "2026-01-01T00:00:00.000Z",
    updatedAt: "2026-01-01T00:00:00.000Z",
    ...changes,
  });

export const capability: Capability = {
  tokenId,
  signedBy: [{ keyId: "k".repeat(43), issuedAtSeconds: 1_790_000_000 }],
  tenantId,
  home: "global",
  agentId: AgentId.parse(`agent_${"0".repeat(31)}1`),
  agentVersion: 1,
  principal: `agent_${"0".repeat(31)}1`,
  roles: ["analyst"],
  classification: "internal",
  issuedAtSeconds: 1_790_000_000,
  expiresAtSeconds: 1_790_000_900,
  authorization: null,
  mintedBy: null,
  delegation: NOT_DELEGATED,
  holderKey: null,
  rootTokenId: tokenId,
  rootIssuedAtSeconds: 1_790_000_000,
  refreshUntilSeconds: null,
  endUser: null,
};

export const ask: Ask = {
  action: "chat",
  resource: "api://azure-openai/models/gpt-4",
  deployment: "gpt-4",
  promptTokens: 100,
  outputTokens: 1_000,
  choices: 1,
  stream: false,
  classification: "internal",
  endUser: null,
  clientAddress: null,
  // 2.50 USD per million tokens of input, 10 USD of output.
  price: { inputPicoUsd: 2_500_000, cachedInputPicoUsd: 1_250_000, outputPicoUsd: 10_000_000 },
  tools: [],
  stores: false,
  content: { promptCharacters: 400, parameters: {}, literals: [], canStrip: true },
};

/** 2026-09-21T14:13:20.000Z. */
export const nowMs = 1_790_000_000_000;

export const place: Place = {
  country: "DE",
  continent: "EU",
  isEu: true,
  colo: "FRA",
  tlsVersion: "TLSv1.3",
  clientAddress: "192.0.2.1",
};

export const detailOf = (changes: Partial<AuthorizationDetail> = {}): AuthorizationDetail => ({
  type: "model_invocation",
  actions: ["*"],
  locations: ["*"],
  constraints: {},
  ...changes,
});

/** In the EU: one region, and the data zone; and one that processes anywhere. */
const regional = backendOf();
const zonal = backendOf({ id: backendId(2), sku: "DataZoneStandard" });
const abroad = backendOf({ id: backendId(3), region: "eastus", sku: "GlobalStandard" });

export const snapshotOf = (
  policies: readonly Policy[],
  limits: TenantLimits = {},
  platformPolicies: readonly Policy[] = [],
): Snapshot => ({
  platform: {
    revision: 1,
    policies: [...platformPolicies],
    deployments: [deploymentOf({ backends: [regional, zonal, abroad] })],
    withdrawnKeys: [],
  },
  tenant: {
    revision: 1,
    tenant: Tenant.parse({ id: tenantId, name: "Tenant A", limits }),
    policies: [...policies],
  },
});

export const judge = (policies: readonly Policy[], changes: Partial<DecideInput> = {}): Verdict =>
  decide({ capability, ask, place, snapshot: snapshotOf(policies), nowMs, ...changes });

/** `allowed`, or the code of the refusal. */
export const outcomeOf = (verdict: Verdict): string =>
  verdict.kind === "candidates" ? "allowed" : verdict.refusal.code;

export function candidatesOf(verdict: Verdict): readonly Candidate[] {
  return verdict.kind === "candidates" ? verdict.candidates : [];
}

export function firstCandidate(verdict: Verdict): Candidate {
  if (verdict.kind === "refused") throw new Error(`refused: ${verdict.refusal.code}`);
  return verdict.candidates[0];
}

export const claimLine = ({ owner, scope, subject, meter, window, limit, amount }: LimitClaim): string =>
  `${owner}/${scope}/${meter}/${window}${subject === null ? "" : `/${subject}`} ${amount} of ${limit}`;
