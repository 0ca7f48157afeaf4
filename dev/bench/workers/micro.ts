/** Pure parts alone, timed inside workerd, whose clock runs during computation when it runs locally. */
import { Deployment } from "../../../src/azure/deployment.ts";
import { importKeyRing } from "../../../src/capability/key-ring.ts";
import { importReceiptKeys } from "../../../src/capability/receipt-keys.ts";
import { createReceiptSigner } from "../../../src/capability/sign-receipt.ts";
import { createTokenVerifier } from "../../../src/capability/verify-token.ts";
import { admit } from "../../../src/gateway/admit.ts";
import { AgentId, BackendId, DecisionId, PolicyId, TenantId, TokenId } from "../../../src/kernel/ids.ts";
import { UNREAD_CONTENT } from "../../../src/policy/content.ts";
import { decide } from "../../../src/policy/decide.ts";
import type { Ask } from "../../../src/policy/decision.ts";
import { Policy } from "../../../src/policy/policy.ts";
import type { Snapshot } from "../../../src/policy/snapshot.ts";
import { Tenant } from "../../../src/policy/tenant.ts";
import { homeNames } from "../../../src/residency/home.ts";
import { type Place, placeOf } from "../../../src/residency/place.ts";
import type { ReceiptFacts } from "../../../src/residency/receipt.ts";
import { MicroAnswer, MicroQuestion } from "../micro-contract.ts";

const tenantId = TenantId.parse("bench");
const agentId = AgentId.parse(`agent_${"0".repeat(32)}`);

/** 20 denies that look at the ask and do not fit, 60 grants for other models, 20 grants that would allow. */
function policy(index: number): Policy {
  const isDeny = index < 20;
  const model = index < 80 && !isDeny ? `other-${index}` : "gpt-4";
  return Policy.parse({
    id: PolicyId.parse(`policy_${index.toString(16).padStart(32, "0")}`),
    scope: tenantId,
    name: `Policy ${index}`,
    effect: isDeny ? "deny" : "allow",
    actions: ["chat", "completion"],
    resources: [`api://azure-openai/models/${model}`],
    constraints: isDeny
      ? { allowedTenants: [`another-${index}`] }
      : {
          allowedTenants: [tenantId],
          maxTokensPerRequest: 4_000,
          maxRequestsPerDay: 10_000,
          maxTokensPerDay: 1_000_000,
          dataClassification: "internal",
          encryptionRequired: true,
        },
    createdAt: "2026-01-01T00:00:00.000Z",
    updatedAt: "2026-01-01T00:00:00.000Z",
  });
}

const snapshot: Snapshot = {
  platform: { revision: 1, policies: [], deployments: [] },
  tenant: {
    revision: 1,
    tenant: Tenant.parse({ id: tenantId, name: "Bench" }),
    policies: Array.from({ length: 100 }, (_, index) => policy(index)),
  },
};
const ask: Ask = {
  action: "chat",
  resource: "api://azure-openai/models/gpt-4",
  deployment: "gpt-4",
  promptTokens: 250,
  outputTokens: 200,
  choices: 1,
  stream: false,
  classification: "internal",
  endUser: null,
  clientAddress: null,
  price: null,
  tools: [],
  stores: false,
  content: UNREAD_CONTENT,
};
const place: Place = {
  country: "DE",
  continent: "EU",
  isEu: true,
  colo: "FRA",
  tlsVersion: "TLSv1.3",
  clientAddress: "192.0.2.1",
};
const capability = {
  tokenId: TokenId.parse(`token_${"0".repeat(32)}`),
  keyId: "key",
  tenantId,
  home: "global",
  agentId,
  agentVersion: 1,
  principal: agentId,
  roles: [],
  classification: "internal",
  issuedAtSeconds: 1_790_000_000,
  expiresAtSeconds: 1_790_000_900,
  authorization: null,
  mintedBy: null,
} as const;

const nowMs = 1_790_000_000_000;

function decideMicroseconds(rounds: number): number {
  const startMs = performance.now();
  let allowed = 0;
  for (let round = 0; round < rounds; round++)
    if (decide({ capability, ask, place, snapshot, nowMs }).kind === "candidates") allowed++;
  const elapsedMs = performance.now() - startMs;
  if (allowed !== rounds) throw new Error("The ask of the benchmark is not allowed.");
  return (elapsedMs * 1_000) / rounds;
}

const deployment = Deployment.parse({
  name: "gpt-4",
  model: "gpt-4",
  maxOutputTokens: 8_192,
  backends: Array.from({ length: 32 }, (_, index) => ({
    id: BackendId.parse(`backend_${index.toString(16).padStart(32, "0")}`),
    endpoint: "https://bench.openai.azure.com",
    azureDeployment: "gpt-4",
    region: index % 2 === 0 ? "eastus2" : "swedencentral",
    sku: "DataZoneStandard",
    credential: { kind: "api_key", secret: "AZURE_OPENAI_API_KEY" },
  })),
});
const promising: Snapshot = {
  platform: { ...snapshot.platform, deployments: [deployment] },
  tenant: {
    ...snapshot.tenant,
    tenant: Tenant.parse({ id: tenantId, name: "Bench", residency: { zone: "eu" } }),
  },
};

/** From `request.cf` on: the place is read anew for each request. */
function admitMicroseconds(rounds: number): number {
  const cf = { country: "DE", continent: "EU", isEUCountry: "1", colo: "FRA", tlsVersion: "TLSv1.3" };
  const startMs = performance.now();
  let admitted = 0;
  for (let round = 0; round < rounds; round++) {
    const asked = { capability, place: placeOf(cf, "192.0.2.1"), classification: "internal" } as const;
    if (admit({ ...asked, deploymentInPath: "gpt-4" }, promising).ok) admitted++;
  }
  const elapsedMs = performance.now() - startMs;
  if (admitted !== rounds) throw new Error("The call of the benchmark is not admitted.");
  return (elapsedMs * 1_000) / rounds;
}

/** With `maxVerifiedTokens: 0` every round verifies anew; without, none does: the token was seen before the first. */
async function verifyMicroseconds(
  question: MicroQuestion,
  options: { readonly maxVerifiedTokens?: number },
): Promise<number> {
  const { issuer, audience, rounds, token } = question;
  const keyRing = await importKeyRing(question.signingKeys);
  const verifier = createTokenVerifier({ keyRing, issuer, audience, homes: homeNames, ...options });
  const nowMs = Date.now();
  await verifier.verify(token, nowMs);
  const startMs = performance.now();
  for (let round = 0; round < rounds; round++)
    if (!(await verifier.verify(token, nowMs)).ok) throw new Error("The token is not accepted.");
  return ((performance.now() - startMs) * 1_000) / rounds;
}

const facts: ReceiptFacts = {
  at: "2026-01-01T00:00:00.000Z",
  decision: "allowed",
  decisionId: DecisionId.parse(`decision_${"0".repeat(32)}`),
  surface: "relay",
  tenantId,
  home: "global",
  place,
  backend: { id: `backend_${"0".repeat(32)}`, region: "swedencentral", sku: "DataZoneStandard" },
  revisions: { tenant: 1, platform: 1 },
};

async function receiptMicroseconds({ receiptKeys, issuer, rounds }: MicroQuestion): Promise<number> {
  const signer = createReceiptSigner(await importReceiptKeys(receiptKeys, new Map()), issuer);
  const startMs = performance.now();
  for (let round = 0; round < rounds; round++) await signer.sign(facts);
  return ((performance.now() - startMs) * 1_000) / rounds;
}

export default {
  async fetch(request: Request): Promise<Response> {
    if (request.method !== "POST") return new Response("ready");
    const question = MicroQuestion.parse(await request.json());
    const answer: MicroAnswer = {
      decideMicroseconds: decideMicroseconds(question.rounds),
      admitMicroseconds: admitMicroseconds(question.rounds),
      verifyMicroseconds: await verifyMicroseconds(question, { maxVerifiedTokens: 0 }),
      verifySeenMicroseconds: await verifyMicroseconds(question, {}),
      receiptMicroseconds: await receiptMicroseconds(question),
    };
    return Response.json(MicroAnswer.parse(answer));
  },
};
