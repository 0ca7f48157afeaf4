/** Pure parts alone, timed inside workerd, whose clock runs during computation when it runs locally. */
import { Deployment } from "../../../src/azure/deployment.ts";
import { importKeyRing } from "../../../src/capability/key-ring.ts";
import { importReceiptKeys } from "../../../src/capability/receipt-keys.ts";
import { createReceiptSigner } from "../../../src/capability/sign-receipt.ts";
import { createTokenVerifier } from "../../../src/capability/verify-token.ts";
import { admit } from "../../../src/gateway/admit.ts";
import { BackendId, DecisionId } from "../../../src/kernel/ids.ts";
import type { Snapshot } from "../../../src/policy/snapshot.ts";
import { Tenant } from "../../../src/policy/tenant.ts";
import { homeNames } from "../../../src/residency/home.ts";
import { placeOf } from "../../../src/residency/place.ts";
import type { ReceiptFacts } from "../../../src/residency/receipt.ts";
import { MicroAnswer, MicroQuestion } from "../micro-contract.ts";
import { capability, decideMicroseconds, of100, place, tenantId } from "./decide-cases.ts";

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
  platform: { ...of100.platform, deployments: [deployment] },
  tenant: {
    ...of100.tenant,
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
      decide: decideMicroseconds(question.rounds),
      admitMicroseconds: admitMicroseconds(question.rounds),
      verifyMicroseconds: await verifyMicroseconds(question, { maxVerifiedTokens: 0 }),
      verifySeenMicroseconds: await verifyMicroseconds(question, {}),
      receiptMicroseconds: await receiptMicroseconds(question),
    };
    return Response.json(MicroAnswer.parse(answer));
  },
};
