// What every route has in common: keys, scopes, bodies, queries, paths, and the one form of a problem.
import { describe, expect, it, vi } from "vitest";
import { ApiKeyScope } from "../../../src/capability/api-key.ts";
import { createFixture, minimalPolicy } from "./control-plane-fixture.ts";

const { app, call, deps, makeKey } = await createFixture();
const agentId = `agent_${"0".repeat(32)}`;
const policyId = `policy_${"0".repeat(32)}`;
const keyId = `key_${"0".repeat(32)}`;
const approvalId = `approval_${"0".repeat(32)}`;

const routes = [
  ["POST", "/agents", "agents:write"],
  ["GET", "/agents", "agents:read"],
  ["GET", `/agents/${agentId}`, "agents:read"],
  ["PATCH", `/agents/${agentId}`, "agents:write"],
  ["DELETE", `/agents/${agentId}`, "agents:write"],
  ["POST", "/policies", "policies:write"],
  ["GET", "/policies", "policies:read"],
  ["GET", `/policies/${policyId}`, "policies:read"],
  ["PUT", `/policies/${policyId}`, "policies:write"],
  ["DELETE", `/policies/${policyId}`, "policies:write"],
  ["POST", "/tokens", "tokens:write"],
  ["POST", "/tenants", "tenants:write"],
  ["GET", "/tenants", "tenants:read"],
  ["GET", "/tenants/acme", "tenants:read"],
  ["PUT", "/tenants/acme", "tenants:write"],
  ["DELETE", "/tenants/acme", "tenants:write"],
  ["POST", "/deployments", "deployments:write"],
  ["GET", "/deployments", "deployments:read"],
  ["GET", "/deployments/gpt-4", "deployments:read"],
  ["PUT", "/deployments/gpt-4", "deployments:write"],
  ["DELETE", "/deployments/gpt-4", "deployments:write"],
  ["POST", "/keys", "keys:write"],
  ["GET", "/keys", "keys:read"],
  ["GET", `/keys/${keyId}`, "keys:read"],
  ["DELETE", `/keys/${keyId}`, "keys:write"],
  ["GET", "/audit", "audit:read"],
  ["GET", "/usage", "usage:read"],
  ["GET", `/quotas/${agentId}`, "usage:read"],
  ["GET", "/approvals", "approvals:read"],
  ["GET", `/approvals/${approvalId}`, "approvals:read"],
  ["POST", `/approvals/${approvalId}/approve`, "approvals:write"],
  ["POST", `/approvals/${approvalId}/deny`, "approvals:write"],
  ["PUT", "/tenants/acme/approval-webhook", "approvals:write"],
  ["GET", "/tenants/acme/approval-webhook", "approvals:read"],
  ["DELETE", "/tenants/acme/approval-webhook", "approvals:write"],
] as const;

describe.each(routes)("%s %s", (method, path, scope) => {
  it("needs a key that is known and has the scope", async () => {
    const none = await call(method, path, { key: null });
    expect(none).toMatchObject({ status: 401, body: { code: "api_key_missing" } });
    const unknown = await call(method, path, { key: `pk_${"A".repeat(43)}` });
    expect(unknown).toMatchObject({ status: 401, body: { code: "api_key_invalid" } });

    const others = await makeKey(
      null,
      ApiKeyScope.options.filter((other) => other !== scope),
    );
    const lacking = await call(method, path, { key: others });
    expect(lacking).toMatchObject({ status: 403, body: { code: "scope_missing" } });
    expect(lacking.body.detail).toContain(scope);
    const enough = await call(method, path, { key: await makeKey(null, [scope]) });
    expect([200, 400, 404, 415]).toContain(enough.status);
  });

  it("takes no unknown query parameter", async () => {
    expect(await call(method, `${path}?surprise=1`)).toMatchObject({
      status: 400,
      body: { code: "query_invalid", field: "surprise" },
    });
  });
});

describe.each(routes.filter(([method]) => ["POST", "PUT", "PATCH"].includes(method)))(
  "the body of %s %s",
  (method, path) => {
    it.each([
      [
        "another content type",
        { body: "{}", headers: { "content-type": "text/plain" } },
        415,
        "content_type_unsupported",
      ],
      [
        "another charset",
        { body: "{}", headers: { "content-type": "application/json; charset=latin1" } },
        415,
        "content_type_unsupported",
      ],
      ["nothing", { headers: { "content-type": "application/json" } }, 400, "body_missing"],
      ["no JSON", { body: '{"name": ' }, 400, "body_invalid"],
      ["no object", { body: "[]" }, 400, "body_invalid"],
      ["too deep", { body: `${"[".repeat(65)}${"]".repeat(65)}` }, 400, "body_invalid"],
      ["too many bytes", { body: `{"name": "${"x".repeat(256 * 1024)}"}` }, 413, "body_too_large"],
    ] as const)("is refused with %s", async (_, options, status, code) => {
      expect(await call(method, path, options)).toMatchObject({ status, body: { code } });
    });

    it("is refused with an unknown key, which is named", async () => {
      expect(await call(method, path, { body: { ...minimalPolicy, surprise: true } })).toMatchObject({
        status: 400,
        body: { code: "body_invalid", field: expect.any(String) },
      });
      const only = await call("PATCH", `/agents/${agentId}`, { body: { surprise: true } });
      expect(only.body).toMatchObject({ field: "surprise", detail: "`surprise` is not known here." });
    });
  },
);

it("stops reading a body without a declared length at the first byte too many", async () => {
  let pulled = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      pulled += 1;
      controller.enqueue(new Uint8Array(64 * 1024).fill(0x20));
    },
  });
  const headers = { "content-type": "application/json", "x-api-key": await makeKey(null) };
  const request = new Request("http://gateway/agents", { method: "POST", headers, body });
  const response = await app.fetch(request);
  expect(response.status).toBe(413);
  expect(pulled).toBeLessThan(10);
});

it.each([
  [{ ...minimalPolicy, constraints: { maxTokens: 5 } }, "constraints.maxTokens"],
  [{ ...minimalPolicy, constraints: { maxTokensPerDay: -1 } }, "constraints.maxTokensPerDay"],
  [{ ...minimalPolicy, actions: ["chat", "fly"] }, "actions[1]"],
  [{ ...minimalPolicy, name: undefined }, "name"],
  [{ ...minimalPolicy, resources: ["api://azure-openai/x y"] }, "resources[0]"],
  [{ ...minimalPolicy, tenantId: "platform" }, "tenantId"],
])("names the JSON path of what is wrong in %j", async (body, field) => {
  const reply = await call("POST", "/policies", { body });
  expect(reply).toMatchObject({ status: 400, body: { code: "body_invalid", field } });
  expect(reply.body.detail).toContain(field);
});

it.each([
  [{ ...minimalPolicy, resources: ["api://azure-openai/../x"] }, "resources[0]"],
  [
    { ...minimalPolicy, constraints: { parameters: { temperature: { min: 2, max: 1 } } } },
    "constraints.parameters.temperature",
  ],
  [
    { ...minimalPolicy, constraints: { deniedPatterns: { patterns: ["e\u0301"] } } },
    "constraints.deniedPatterns.patterns[0]",
  ],
  [
    { ...minimalPolicy, effect: "deny", constraints: { maxPromptCharacters: 5 } },
    "constraints.maxPromptCharacters",
  ],
])("names the JSON path of what means nothing in %j", async (body, field) => {
  const reply = await call("POST", "/policies", { body });
  expect(reply).toMatchObject({ status: 422, body: { code: "meaningless", field } });
});

it.each([
  ["limit=0", "limit"],
  ["limit=201", "limit"],
  ["limit=ten", "limit"],
  ["limit=5&limit=6", "limit"],
  ["cursor=%21", "cursor"],
  ["tenant=UPPER", "tenant"],
])("refuses the list query %s", async (query, field) => {
  expect(await call("GET", `/agents?${query}`)).toMatchObject({
    status: 400,
    body: { code: "query_invalid", field },
  });
});

it.each([
  ["agent=x", "agent"],
  ["decision=maybe", "decision"],
  ["from=yesterday", "from"],
  ["to=2026-01-01", "to"],
])("refuses the audit query %s", async (query, field) => {
  expect(await call("GET", `/audit?${query}`)).toMatchObject({
    status: 400,
    body: { code: "query_invalid", field },
  });
});

it.each([["/agents"], ["/policies"], ["/audit"]])(
  "answers not_found for %s of a tenant that does not exist",
  async (path) => {
    expect(await call("GET", `${path}?tenant=nowhere`)).toMatchObject({
      status: 404,
      body: { code: "not_found", field: "tenant" },
    });
  },
);

it.each([
  ["/agents", { name: "a", tenantId: "nowhere" }],
  ["/policies", { ...minimalPolicy, tenantId: "nowhere" }],
  ["/keys", { name: "k", scopes: ["enforce"], tenantId: "nowhere" }],
])("writes nothing at %s for a tenant that does not exist", async (path, body) => {
  expect(await call("POST", path, { body })).toMatchObject({ status: 404, body: { field: "tenantId" } });
});

it("answers every problem in one form, with a request id of its own", async () => {
  const first = await call("GET", "/nowhere", { headers: { "x-request-id": "mine" } });
  expect(first.status).toBe(404);
  expect(first.headers.get("content-type")).toBe("application/problem+json");
  expect(first.headers.get("x-request-id")).toMatch(/^request_[0-9a-f]{32}$/);
  expect(first.body).toEqual({
    type: "urn:portcullis:problem:route_unknown",
    title: expect.any(String),
    status: 404,
    code: "route_unknown",
    detail: expect.any(String),
    requestId: first.headers.get("x-request-id"),
  });
  const second = await call("GET", "/agents");
  expect(second.headers.get("x-request-id")).toMatch(/^request_/);
  expect(second.headers.get("x-request-id")).not.toBe(first.headers.get("x-request-id"));
});

it("answers a wrong method with the right ones", async () => {
  const reply = await call("PUT", "/agents");
  expect(reply).toMatchObject({ status: 405, body: { code: "method_not_allowed" } });
  expect(reply.headers.get("allow")).toBe("POST, GET, HEAD");
});

it("answers store_unavailable when D1 cannot be reached", async () => {
  const down = async () => ({ ok: false, error: { code: "store_unavailable", message: "" } }) as const;
  const spy = vi.spyOn(deps.apiKeys, "findByHash").mockImplementation(down);
  expect(await call("GET", "/agents")).toMatchObject({ status: 503, body: { code: "store_unavailable" } });
  spy.mockRestore();
});
