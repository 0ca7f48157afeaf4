/** The quick start as its documents tell it, request by request, and the three example policies of the field. */
import { AzureOpenAI, PermissionDeniedError } from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type GatewayUnderTest, startGatewayUnderTest } from "./gateway-under-test.ts";

let gateway: GatewayUnderTest;

beforeAll(async () => {
  gateway = await startGatewayUnderTest();
});
afterAll(() => gateway.close());

const agentBody = {
  name: "customer-support-agent",
  description: "Answers customers' questions",
  metadata: { framework: "langchain", environment: "production", azure_resource: "my-openai" },
};

const policyBody = (tenant: string) => ({
  name: "gpt-4 for support",
  actions: ["chat", "completion"],
  resources: ["api://azure-openai/models/gpt-4"],
  effect: "allow",
  constraints: {
    maxTokensPerRequest: 2_000,
    maxRequestsPerDay: 10_000,
    allowedTenants: [tenant],
    dataClassification: "internal",
  },
});

const enforceBody = (requestId: string, capabilityToken: string, more: object = {}) => ({
  requestId,
  capabilityToken,
  action: "chat",
  resourceId: "api://azure-openai/models/gpt-4",
  tenantId: "default-tenant",
  context: { environment: "production" },
  ...more,
});

describe("the quick start", () => {
  it("registers an agent, writes a policy, issues a token, and enforces", async () => {
    const agent = await gateway.admin("POST", "/v1/agents", agentBody);
    expect(agent.status).toBe(201);
    expect(agent.body).toMatchObject({
      ...agentBody,
      tenantId: "default-tenant",
      status: "active",
      classification: "internal",
    });
    expect(agent.body.id).toMatch(/^agent_/);

    const literal = await gateway.admin("POST", "/v1/policies", policyBody("your-tenant-id"));
    expect(literal.status).toBe(201);

    const token = await gateway.admin("POST", "/v1/tokens", { agentId: agent.body.id, expiresIn: 3600 });
    expect(token.status).toBe(201);
    expect(token.body).toEqual({
      token: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
      tokenType: "Bearer",
      expiresAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      refreshUntil: null,
      jti: expect.stringMatching(/^token_/),
    });
    const capability = String(token.body.token);

    // Taken literally, the policy is for another tenant.
    const denied = await gateway.admin("POST", "/v1/enforce", enforceBody("first", capability));
    expect(denied.status).toBe(200);
    expect(denied.body).toMatchObject({
      decision: "denied",
      requestId: "first",
      reasons: [{ code: "tenant_not_allowed" }],
      obligations: null,
    });

    const put = await gateway.admin("PUT", `/v1/policies/${literal.body.id}`, policyBody("default-tenant"));
    expect(put.status).toBe(200);
    const allowed = await gateway.admin("POST", "/v1/enforce", enforceBody("second", capability));
    expect(allowed.body).toEqual({
      decision: "allowed",
      decisionId: expect.stringMatching(/^decision_/),
      requestId: "second",
      reasons: [{ code: "allowed", message: expect.any(String) }],
      revision: { tenant: expect.any(Number), platform: put.body.revision },
      obligations: {
        maxOutputTokens: 2_000,
        reservedTokens: 2_000,
        auditLogging: "standard",
        encryptionRequired: false,
        residency: null,
        allowedTools: null,
        allowStore: false,
        stripPatterns: null,
      },
    });

    const client = new AzureOpenAI({
      endpoint: gateway.url,
      apiKey: capability,
      apiVersion: "2024-10-21",
      deployment: "gpt-4",
      maxRetries: 0,
    });
    const answer = await client.chat.completions.create({
      model: "gpt-4",
      messages: [{ role: "user", content: "Hello" }],
    });
    expect(answer.choices[0]?.message.content).toBeTruthy();
    // The output bound is real because Azure got it.
    const sent = gateway.simulator.requests.at(-1)?.body as { max_tokens: number };
    expect(sent.max_tokens).toBeGreaterThan(0);
    expect(sent.max_tokens).toBeLessThan(2_000);

    const embedding = client.embeddings.create({ model: "text-embedding-3-small", input: "x" });
    await expect(embedding).rejects.toBeInstanceOf(PermissionDeniedError);
  });

  it("publishes the keys its tokens verify with", async () => {
    const { createLocalJWKSet, jwtVerify } = await import("jose");
    const { token, id } = await gateway.agent();
    const jwks = await (await fetch(`${gateway.url}/.well-known/jwks.json`)).json();
    expect(JSON.stringify(jwks)).not.toContain('"d"');
    const { payload, protectedHeader } = await jwtVerify(token, createLocalJWKSet(jwks as never));
    expect(protectedHeader).toMatchObject({ alg: "EdDSA", typ: "at+jwt" });
    expect(payload).toMatchObject({
      client_id: id,
      sub: id,
      tid: "default-tenant",
      home: "global",
      agent_version: 1,
    });
  });
});

describe("the description", () => {
  it("is served, and drawn by a page that loads nothing from elsewhere", async () => {
    const document = await (await fetch(`${gateway.url}/v1/openapi.json`)).json();
    expect(document).toMatchObject({
      openapi: "3.1.0",
      paths: { "/v1/enforce": { post: expect.anything() } },
    });
    const page = await fetch(`${gateway.url}/v1/docs`);
    expect(page.headers.get("content-security-policy")).toContain("script-src 'self'");
    const html = await page.text();
    expect(html).toContain('spec-url="/v1/openapi.json"');
    const script = /<script[^>]* src="([^"]+)"/.exec(html)?.[1] ?? "";
    expect(script).toMatch(/^\//);
    const library = await fetch(gateway.url + script);
    expect(library.headers.get("content-type")).toContain("javascript");
    expect(await library.text()).toContain("openapi-explorer");
  });
});

describe("/v1/enforce", () => {
  it("answers 401 for the API key alone; a bad capability token is a decision", async () => {
    const anonymous = await gateway.admin("POST", "/v1/enforce", enforceBody("x", "not a token"), "");
    expect(anonymous.status).toBe(401);
    expect(anonymous.body).toMatchObject({ code: "api_key_missing", status: 401 });
    const denied = await gateway.admin("POST", "/v1/enforce", enforceBody("bad-token", "not a token"));
    expect(denied.status).toBe(200);
    expect(denied.body).toMatchObject({
      decision: "denied",
      reasons: [{ code: "token_malformed" }],
      revision: null,
    });
    await gateway.recorded("tenant=platform", (record) => record.decisionId === denied.body.decisionId);
  });

  it("denies another tenant than the token's, under the key's tenant and nowhere else", async () => {
    for (const id of ["red", "blue"]) await gateway.admin("POST", "/v1/tenants", { id, name: id });
    const { id: agentId, token } = await gateway.agent({ tenantId: "red" });
    const blueKey = (
      await gateway.admin("POST", "/v1/keys", {
        name: "blue",
        scopes: ["enforce", "audit:read"],
        tenantId: "blue",
      })
    ).body;
    const body = enforceBody("foreign", token, { tenantId: "blue" });
    const denied = await gateway.admin("POST", "/v1/enforce", body, String(blueKey.key));
    expect(denied.body).toMatchObject({ decision: "denied", reasons: [{ code: "tenant_mismatch" }] });
    const record = await gateway.recorded(
      "tenant=blue",
      (found) => found.decisionId === denied.body.decisionId,
    );
    expect(record).toMatchObject({ tenantId: "blue", agentId: null, tokenId: null });
    // Naming the token's tenant does not help a key of another one.
    const again = await gateway.admin(
      "POST",
      "/v1/enforce",
      { ...body, tenantId: "red" },
      String(blueKey.key),
    );
    expect(again.body).toMatchObject({ reasons: [{ code: "tenant_mismatch" }] });
    const log = await gateway.admin("GET", `/v1/audit?tenant=red&agent=${agentId}`);
    expect(log.body.items).toEqual([]);
  });

  it("is idempotent on the request id, and refuses another ask under it", async () => {
    await gateway.admin("POST", "/v1/policies", {
      name: "twice a day",
      effect: "allow",
      actions: ["audio"],
      resources: ["api://azure-openai/models/gpt-4"],
      constraints: { maxRequestsPerDay: 2 },
    });
    const { token } = await gateway.agent();
    const ask = (requestId: string, more: object = {}) =>
      gateway.admin("POST", "/v1/enforce", enforceBody(requestId, token, { action: "audio", ...more }));
    const first = await ask("same");
    expect(first.body.decision).toBe("allowed");
    for (const _ of [1, 2, 3]) {
      const replay = await ask("same");
      expect(replay.body).toMatchObject({ decision: "allowed", decisionId: first.body.decisionId });
    }
    const other = await ask("same", { context: { promptTokens: 7, maxOutputTokens: 7 } });
    expect(other.status).toBe(409);
    expect(other.body).toMatchObject({ code: "request_id_reused" });
    expect((await ask("second")).body.decision).toBe("allowed");
    const third = await ask("third");
    expect(third.body).toMatchObject({ decision: "denied", reasons: [{ code: "request_quota_exceeded" }] });
  });
});

describe("the field's example policies", () => {
  const enforce = async (token: string, action: string, resourceId: string) =>
    (
      await gateway.admin(
        "POST",
        "/v1/enforce",
        enforceBody(crypto.randomUUID(), token, { action, resourceId, tenantId: undefined }),
      )
    ).body;
  const reason = (body: Record<string, unknown>) => (body.reasons as { code: string }[])[0]?.code;

  it("multi-tenant and internal tools work as written; healthcare is stored and refuses", async () => {
    await gateway.admin("POST", "/v1/tenants", { id: "acme", name: "Acme" });
    const write = (body: object) =>
      gateway.admin("POST", "/v1/policies", { effect: "allow", tenantId: "acme", ...body });
    const visitor = await gateway.agent({ tenantId: "acme" });
    const employee = await gateway.agent({ tenantId: "acme", roles: ["employee"] });

    await write({
      name: "multi-tenant",
      actions: ["chat"],
      resources: ["api://azure-openai/models/*"],
      constraints: { allowedTenants: ["acme"], maxTokensPerDay: 50_000 },
    });
    expect(await enforce(visitor.token, "chat", "api://azure-openai/models/gpt-4")).toMatchObject({
      decision: "allowed",
    });

    await write({
      name: "internal tools",
      actions: ["*"],
      resources: ["api://azure-openai/*"],
      constraints: { allowedRoles: ["employee"], requiresApproval: false },
    });
    expect(await enforce(employee.token, "image", "api://azure-openai/tools/draw")).toMatchObject({
      decision: "allowed",
    });
    expect(reason(await enforce(visitor.token, "image", "api://azure-openai/tools/draw"))).toBe(
      "role_not_allowed",
    );

    const healthcare = await write({
      name: "healthcare",
      actions: ["chat"],
      resources: ["api://clinic/*"],
      constraints: { noPersonalData: true, encryptionRequired: true, auditLogging: "detailed" },
    });
    expect(healthcare.status).toBe(201);
    expect(reason(await enforce(visitor.token, "chat", "api://clinic/letters"))).toBe(
      "constraint_not_available",
    );
  });
});
