import { expect, it } from "vitest";
import { createTokenVerifier } from "../../../src/capability/verify-token.ts";
import { createFixture } from "./control-plane-fixture.ts";

const { call, deps, agentLedgers, waits, filled } = await createFixture();

const agentBody = {
  name: "Customer Support Bot",
  description: "Answers customers",
  metadata: { framework: "langchain", environment: "production", azure_resource: "openai-prod" },
};

it("registers an agent, writes a policy and issues a token that verifies", async () => {
  const agent = await call("POST", "/agents", { body: agentBody });
  expect(agent.status).toBe(201);
  expect(agent.body).toMatchObject({
    ...agentBody,
    id: expect.stringMatching(/^agent_[0-9a-f]{32}$/),
    tenantId: "default-tenant",
    status: "active",
    version: 1,
    classification: "internal",
    roles: [],
  });
  expect(agentLedgers.states.get(agent.body.id)).toMatchObject({ version: 1, status: "active" });

  const policy = await call("POST", "/policies", {
    body: {
      name: "GPT-4 access",
      actions: ["chat", "completion"],
      resources: ["api://azure-openai/models/gpt-4"],
      effect: "allow",
      constraints: {
        maxTokensPerRequest: 2000,
        maxRequestsPerDay: 10000,
        allowedTenants: ["your-tenant-id"],
        dataClassification: "internal",
      },
    },
  });
  expect(policy.status).toBe(201);
  expect(policy.body).toMatchObject({ scope: "platform", revision: expect.any(Number) });
  expect(policy.headers.get("portcullis-revision")).toBe(String(policy.body.revision));
  expect(filled).toContain("platform");
  expect(waits).toContain(7);

  const token = await call("POST", "/tokens", { body: { agentId: agent.body.id, expiresIn: 3600 } });
  expect(token.status).toBe(201);
  expect(token.body).toMatchObject({ tokenType: "Bearer", jti: expect.stringMatching(/^token_/) });
  expect(token.headers.get("cache-control")).toBe("no-store");
  const verifier = createTokenVerifier({ keyRing: deps.keyRing, homes: deps.homes, ...deps.config });
  const capability = await verifier.verify(token.body.token, Date.now());
  expect(capability).toMatchObject({
    ok: true,
    value: { agentId: agent.body.id, agentVersion: 1, tenantId: "default-tenant", home: "global" },
  });
  const lifeMs = Date.parse(token.body.expiresAt) - Date.now();
  expect(lifeMs).toBeGreaterThan(3_590_000);
  expect(lifeMs).toBeLessThanOrEqual(3_600_000);
});

it.each([
  [
    "multi-tenant",
    {
      resources: ["api://azure-openai/models/*"],
      actions: ["chat"],
      constraints: { allowedTenants: ["tenant-a", "tenant-b"], maxTokensPerDay: 50000 },
    },
  ],
  [
    "internal tools",
    {
      resources: ["api://azure-openai/*"],
      actions: ["*"],
      constraints: { allowedRoles: ["employee"], requiresApproval: false },
    },
  ],
  [
    "healthcare",
    {
      resources: ["api://azure-openai/models/gpt-4"],
      actions: ["chat"],
      constraints: { noPersonalData: true, encryptionRequired: true, auditLogging: "detailed" },
    },
  ],
])("stores the example policy %s and reads it back unchanged", async (name, document) => {
  const written = await call("POST", "/policies", { body: { name, effect: "allow", ...document } });
  expect(written.status).toBe(201);
  const { revision, ...policy } = written.body;
  const read = await call("GET", `/policies/${policy.id}`);
  expect(read.body).toEqual(policy);
  expect(read.body).toMatchObject(document);
});

it("bounds a token by authorization details and by its default life", async () => {
  const agent = await call("POST", "/agents", { body: { name: "a" } });
  const authorizationDetails = [
    { type: "model_invocation", actions: ["chat"], locations: ["api://azure-openai/models/gpt-4"] },
  ];
  const token = await call("POST", "/tokens", { body: { agentId: agent.body.id, authorizationDetails } });
  const verifier = createTokenVerifier({ keyRing: deps.keyRing, homes: deps.homes, ...deps.config });
  const capability = await verifier.verify(token.body.token, Date.now());
  if (!capability.ok) throw new Error(capability.error.code);
  expect(capability.value.authorization).toMatchObject(authorizationDetails);
  expect(capability.value.expiresAtSeconds - capability.value.issuedAtSeconds).toBe(900);
});

it.each([0, 3601, 1.5, "60"])("refuses a token's life of %s", async (expiresIn) => {
  const agent = await call("POST", "/agents", { body: { name: "a" } });
  const token = await call("POST", "/tokens", { body: { agentId: agent.body.id, expiresIn } });
  expect(token).toMatchObject({ status: 400, body: { code: "body_invalid", field: "expiresIn" } });
});
