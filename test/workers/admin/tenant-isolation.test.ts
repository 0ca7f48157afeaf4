// G7 on the control plane: what a key bound to one tenant can reach, on every route.
import { beforeAll, describe, expect, it } from "vitest";
import { createFixture, minimalDeployment, minimalPolicy } from "./control-plane-fixture.ts";

const fixture = await createFixture();
const { call, makeKey, makeTenant } = fixture;

const empty = { tenant: "", key: "", agent: "", policy: "", apiKey: "" };
type Side = typeof empty;
const mine: Side = { ...empty };
const theirs: Side = { ...empty };

type Path = () => string;
type Body = () => unknown;
let platformPolicy = "";
let rootKeyId = "";

async function populate(side: Side, home: string) {
  side.tenant = await makeTenant("iso", home);
  side.key = await makeKey(side.tenant);
  const { tenant: tenantId } = side;
  side.agent = (await call("POST", "/agents", { body: { name: "a", tenantId } })).body.id;
  side.policy = (await call("POST", "/policies", { body: { ...minimalPolicy, tenantId } })).body.id;
  side.apiKey = (
    await call("POST", "/keys", { body: { name: "k", scopes: ["agents:read"], tenantId } })
  ).body.id;
}

beforeAll(async () => {
  await populate(mine, "global");
  await populate(theirs, "eu");
  platformPolicy = (await call("POST", "/policies", { body: minimalPolicy })).body.id;
  rootKeyId = (await call("POST", "/keys", { body: { name: "root", scopes: ["keys:write"] } })).body.id;
  await call("POST", "/deployments", { body: minimalDeployment("iso-gpt") });
});

const newKey = { name: "k", scopes: ["agents:read"] };

describe("a bound key finds nothing of others", () => {
  it.each<[method: string, path: Path, body?: unknown]>([
    ["GET", () => `/agents/${theirs.agent}`],
    ["PATCH", () => `/agents/${theirs.agent}`, { name: "taken" }],
    ["DELETE", () => `/agents/${theirs.agent}`],
    ["GET", () => `/policies/${theirs.policy}`],
    ["PUT", () => `/policies/${theirs.policy}`, minimalPolicy],
    ["DELETE", () => `/policies/${theirs.policy}`],
    ["GET", () => `/policies/${theirs.policy}/history`],
    ["POST", () => `/policies/${theirs.policy}/revert`, { revision: 2 }],
    ["GET", () => `/policies/${platformPolicy}`],
    ["GET", () => `/policies/${platformPolicy}/history`],
    ["POST", () => `/policies/${platformPolicy}/revert`, { revision: 1 }],
    ["PUT", () => `/policies/${platformPolicy}`, minimalPolicy],
    ["DELETE", () => `/policies/${platformPolicy}`],
    ["GET", () => `/keys/${theirs.apiKey}`],
    ["DELETE", () => `/keys/${theirs.apiKey}`],
    ["GET", () => `/keys/${rootKeyId}`],
    ["DELETE", () => `/keys/${rootKeyId}`],
    ["GET", () => `/tenants/${theirs.tenant}`],
    ["GET", () => "/tenants/default-tenant"],
    ["GET", () => `/tenants/${theirs.tenant}/approval-webhook`],
    ["PUT", () => `/tenants/${theirs.tenant}/approval-webhook`, { url: "https://hooks.contoso.com/" }],
    ["DELETE", () => `/tenants/${theirs.tenant}/approval-webhook`],
  ])("%s %s", async (method, path, body) => {
    const reply = await call(method, path(), { key: mine.key, body });
    expect(reply).toMatchObject({ status: 404, body: { code: "not_found" } });
  });

  it("POST /tokens for another tenant's agent", async () => {
    const reply = await call("POST", "/tokens", { key: mine.key, body: { agentId: theirs.agent } });
    expect(reply).toMatchObject({ status: 404, body: { code: "not_found" } });
  });
});

describe("a bound key cannot name another tenant", () => {
  it.each<[method: string, path: Path, body: Body, field: string]>([
    ["POST", () => "/agents", () => ({ name: "a", tenantId: theirs.tenant }), "tenantId"],
    ["POST", () => "/policies", () => ({ ...minimalPolicy, tenantId: theirs.tenant }), "tenantId"],
    ["POST", () => "/policies/validate", () => ({ policies: [], tenantId: theirs.tenant }), "tenantId"],
    ["POST", () => "/keys", () => ({ ...newKey, tenantId: theirs.tenant }), "tenantId"],
    ["GET", () => `/agents?tenant=${theirs.tenant}`, () => undefined, "tenant"],
    ["GET", () => `/policies?tenant=${theirs.tenant}`, () => undefined, "tenant"],
    ["GET", () => "/policies?tenant=platform", () => undefined, "tenant"],
    ["GET", () => `/keys?tenant=${theirs.tenant}`, () => undefined, "tenant"],
    ["GET", () => `/audit?tenant=${theirs.tenant}`, () => undefined, "tenant"],
    ["GET", () => `/approvals?tenant=${theirs.tenant}`, () => undefined, "tenant"],
    ["GET", () => "/audit?tenant=platform", () => undefined, "tenant"],
    ["GET", () => "/audit?tenant=default-tenant", () => undefined, "tenant"],
  ])("%s %s", async (method, path, body, field) => {
    const reply = await call(method, path(), { key: mine.key, body: body() });
    expect(reply).toMatchObject({ status: 403, body: { code: "tenant_mismatch", field } });
  });
});

describe("platform objects need a key of the platform", () => {
  it.each<[method: string, path: Path, body: Body]>([
    ["POST", () => "/tenants", () => ({ id: "other", name: "Other" })],
    ["GET", () => "/tenants", () => undefined],
    ["PUT", () => `/tenants/${mine.tenant}`, () => ({ name: "Renamed" })],
    ["DELETE", () => `/tenants/${mine.tenant}`, () => undefined],
    ["POST", () => "/deployments", () => minimalDeployment("other")],
    ["GET", () => "/deployments", () => undefined],
    ["GET", () => "/deployments/iso-gpt", () => undefined],
    ["PUT", () => "/deployments/iso-gpt", () => minimalDeployment("iso-gpt")],
    ["DELETE", () => "/deployments/iso-gpt", () => undefined],
  ])("%s %s", async (method, path, body) => {
    const reply = await call(method, path(), { key: mine.key, body: body() });
    expect(reply).toMatchObject({ status: 403, body: { code: "scope_missing" } });
  });
});

it("a bound key works on its own tenant without naming it", async () => {
  const { key, tenant } = mine;
  const agent = await call("POST", "/agents", { key, body: { name: "own" } });
  expect(agent).toMatchObject({ status: 201, body: { tenantId: tenant } });
  const policy = await call("POST", "/policies", { key, body: minimalPolicy });
  expect(policy).toMatchObject({ status: 201, body: { scope: tenant } });
  const made = await call("POST", "/keys", { key, body: newKey });
  expect(made).toMatchObject({ status: 201, body: { tenantId: tenant } });
  expect(await call("GET", `/tenants/${tenant}`, { key })).toMatchObject({
    status: 200,
    body: { id: tenant },
  });
  expect(await call("POST", "/tokens", { key, body: { agentId: agent.body.id } })).toMatchObject({
    status: 201,
  });

  const agents = await call("GET", "/agents", { key });
  expect(agents.body.items.map((item: { id: string }) => item.id).sort()).toEqual(
    [mine.agent, agent.body.id].sort(),
  );
  const policies = await call("GET", "/policies", { key });
  expect(policies.body.items.every((item: { scope: string }) => item.scope === tenant)).toBe(true);
  expect(policies.body.items).toHaveLength(2);
  const keys = await call("GET", "/keys", { key });
  expect(keys.body.items.every((item: { tenantId: string }) => item.tenantId === tenant)).toBe(true);
  expect((await call("GET", "/audit", { key })).body.items).toEqual([]);
});

it("a bound key cannot give away a scope that it lacks", async () => {
  const key = await makeKey(mine.tenant, ["keys:write", "agents:read"]);
  const body = { name: "k", scopes: ["agents:read", "audit:read"] };
  expect(await call("POST", "/keys", { key, body })).toMatchObject({
    status: 403,
    body: { code: "scope_missing", field: "scopes" },
  });
  expect(await call("POST", "/keys", { key, body: newKey })).toMatchObject({ status: 201 });
});

it("what was refused changed nothing", async () => {
  expect((await call("GET", `/agents/${theirs.agent}`)).body).toMatchObject({ name: "a", version: 1 });
  expect((await call("GET", `/agents?tenant=${theirs.tenant}`)).body.items).toHaveLength(1);
  expect((await call("GET", `/policies?tenant=${theirs.tenant}`)).body.items).toHaveLength(1);
  expect((await call("GET", `/policies/${platformPolicy}`)).status).toBe(200);
  expect((await call("GET", `/keys/${theirs.apiKey}`)).status).toBe(200);
  expect((await call("GET", "/deployments/iso-gpt")).status).toBe(200);
});
