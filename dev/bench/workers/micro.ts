/** Pure parts alone, timed inside workerd, whose clock runs during computation when it runs locally. */
import { importKeyRing } from "../../../src/capability/key-ring.ts";
import { createTokenVerifier } from "../../../src/capability/verify-token.ts";
import { AgentId, PolicyId, TenantId, TokenId } from "../../../src/kernel/ids.ts";
import { UNREAD_CONTENT } from "../../../src/policy/content.ts";
import { decide } from "../../../src/policy/decide.ts";
import type { Ask } from "../../../src/policy/decision.ts";
import { Policy } from "../../../src/policy/policy.ts";
import type { Snapshot } from "../../../src/policy/snapshot.ts";
import { Tenant } from "../../../src/policy/tenant.ts";
import type { Place } from "../../../src/residency/place.ts";
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

/** With `maxVerifiedTokens: 0` every round verifies anew; without, none does: the token was seen before the first. */
async function verifyMicroseconds(
  question: MicroQuestion,
  options: { readonly maxVerifiedTokens?: number },
): Promise<number> {
  const { issuer, audience, rounds, token } = question;
  const keyRing = await importKeyRing(question.signingKeys);
  const verifier = createTokenVerifier({ keyRing, issuer, audience, ...options });
  const nowMs = Date.now();
  await verifier.verify(token, nowMs);
  const startMs = performance.now();
  for (let round = 0; round < rounds; round++)
    if (!(await verifier.verify(token, nowMs)).ok) throw new Error("The token is not accepted.");
  return ((performance.now() - startMs) * 1_000) / rounds;
}

export default {
  async fetch(request: Request): Promise<Response> {
    if (request.method !== "POST") return new Response("ready");
    const question = MicroQuestion.parse(await request.json());
    const answer: MicroAnswer = {
      decideMicroseconds: decideMicroseconds(question.rounds),
      verifyMicroseconds: await verifyMicroseconds(question, { maxVerifiedTokens: 0 }),
      verifySeenMicroseconds: await verifyMicroseconds(question, {}),
    };
    return Response.json(MicroAnswer.parse(answer));
  },
};
