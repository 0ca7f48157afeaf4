// Policies that are tried before they bite: over HTTP, and by the tests that they carry.
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { TenantId } from "../../../src/kernel/ids.ts";
import { ValidationReport } from "../../../src/policy/as-code/validation-report.ts";
import { createSnapshots } from "../../../src/policy/snapshots.store.ts";
import { createFixture, databases, minimalDeployment, minimalPolicy } from "./control-plane-fixture.ts";

const fixture = await createFixture();
const { call, makeKey, makeTenant } = fixture;

const resources = ["api://azure-openai/models/gpt-4"];
const at = "2026-12-01T09:00:00.000Z";
const testOf = (decision: "allowed" | "denied", changes: object = {}) => ({
  name: `chat is ${decision}`,
  actions: ["chat"],
  resources,
  at,
  expect: { decision },
  ...changes,
});
const denyAll = { name: "No chat", effect: "deny", actions: ["chat"], resources: ["*"] };

async function newTenant() {
  const tenantId = await makeTenant("ascode", "eu");
  return { tenantId, key: await makeKey(tenantId) };
}

describe("POST /policies/validate", () => {
  it("tells tests, coverage, lint and diff against what is live, and writes nothing", async () => {
    const { tenantId, key } = await newTenant();
    await call("POST", "/policies", { key, body: minimalPolicy });
    const policies = [
      { ...minimalPolicy, constraints: { allowedRoles: ["support"] } },
      { ...minimalPolicy, name: "Embedding", actions: ["embedding"] },
      { ...minimalPolicy, name: "Too much", actions: ["*"], resources: ["*"] },
    ];
    const tests = [testOf("denied", { name: "wrong" }), testOf("allowed")];
    const { status, body } = await call("POST", "/policies/validate", {
      key,
      body: { policies: policies.slice(0, 2), tests },
    });
    expect(status).toBe(200);
    const report = ValidationReport.parse(body);
    expect(report).toMatchObject({
      valid: false,
      problems: [],
      tests: {
        passed: 1,
        failed: 1,
        failures: [{ test: "chat is allowed", actual: { code: "role_not_allowed" } }],
      },
      lint: { complete: true, findings: [] },
      diff: {
        exact: true,
        becomesAllowed: [{ after: { policy: "Embedding" }, areas: [{ actions: ["embedding"], resources }] }],
        becomesDenied: [
          { before: { policy: minimalPolicy.name }, areas: [{ actions: ["chat"], resources }] },
        ],
      },
    });
    expect(report.coverage?.map(({ policy }) => policy)).toEqual([minimalPolicy.name, "Embedding"]);
    const broad = await call("POST", "/policies/validate", { body: { tenantId, policies } });
    const codes = broad.body.lint.findings.map(
      ({ code, policy }: Record<string, string>) => `${code} ${policy}`,
    );
    expect(broad.body.valid).toBe(true);
    expect(codes).toEqual(["over_broad Too much", `redundant ${minimalPolicy.name}`, "redundant Embedding"]);
    expect((await call("GET", "/policies", { key })).body.items).toHaveLength(1);
  });

  it("tells every problem by its path, and then nothing else", async () => {
    const policies = [denyAll, { ...denyAll, constraints: { maxTokensPerDay: 5 } }];
    const { body } = await call("POST", "/policies/validate", { body: { policies } });
    expect(body).toMatchObject({
      valid: false,
      problems: [
        { path: "policies[1].constraints.maxTokensPerDay", code: "meaningless" },
        { path: "policies[1].name", code: "meaningless" },
      ],
      tests: null,
      diff: null,
    });
  });

  it("judges a tenant's policies inside the platform's, with the deployments that there are", async () => {
    const { tenantId } = await newTenant();
    const boundary = {
      ...minimalPolicy,
      name: "Bound",
      kind: "boundary",
      resources: ["*"],
      actions: ["chat"],
    };
    const { body: written } = await call("POST", "/policies", { body: boundary });
    await call("POST", "/deployments", { body: minimalDeployment("only-eu") });
    const constraints = { dataResidency: "us" };
    const policies = [
      { ...minimalPolicy, name: "Embed", actions: ["embedding"] },
      { ...minimalPolicy, name: "Abroad", resources: ["api://azure-openai/models/only-eu"], constraints },
    ];
    const { body } = await call("POST", "/policies/validate", { body: { tenantId, policies } });
    await call("DELETE", `/policies/${written.id}`);
    expect(body.diff).toMatchObject({ becomesAllowed: [], becomesDenied: [] });
    expect(body.lint.findings).toMatchObject([
      { code: "unreachable", policy: "Embed" },
      { code: "unreachable", policy: "Abroad" },
    ]);
  });

  it("of the platform's policies, tells what they leave to tenants", async () => {
    const boundary = { ...minimalPolicy, name: "Chat only", kind: "boundary", resources: ["*"] };
    const { body } = await call("POST", "/policies/validate", { body: { policies: [boundary] } });
    const assuming = "grants_everything";
    expect(body.diff.becomesDenied).toMatchObject([
      { assuming, after: { kind: "outside", policy: "Chat only" } },
    ]);
    expect(body.diff.becomesDenied[0].areas[0].actions).not.toContain("chat");
  });

  it("says so where the work would be too much", async () => {
    const policies = Array.from({ length: 500 }, (_, index) => ({
      ...minimalPolicy,
      name: `Grant ${index}`,
      resources: Array.from({ length: 10 }, (_, part) => `api://made/${index}/${part}`),
    }));
    const { body } = await call("POST", "/policies/validate", { body: { policies } });
    expect(body).toMatchObject({ valid: true, lint: { complete: false }, diff: { exact: false } });
    expect(body.diff.leftOut).not.toEqual([]);
  });
});

describe("tests that policies carry", () => {
  const carrying = { ...minimalPolicy, tests: [testOf("allowed")] };

  it("are shown with the policy, kept in its history, and in no snapshot", async () => {
    const { tenantId, key } = await newTenant();
    const created = await call("POST", "/policies", { key, body: carrying });
    expect(created).toMatchObject({ status: 201, body: { tests: carrying.tests } });
    const path = `/policies/${created.body.id}`;
    expect((await call("GET", path, { key })).body.tests).toEqual(carrying.tests);
    expect((await call("GET", "/policies", { key })).body.items[0].tests).toEqual(carrying.tests);
    const { body: history } = await call("GET", `${path}/history`, { key });
    expect(history.items[0].policy.tests).toEqual(carrying.tests);

    const snapshots = createSnapshots({
      platformDb: env.PLATFORM_DB,
      dbOf: databases.ofHome,
      kvOf: () => env.EU_KV,
      background: () => {},
      startTimer: () => () => {},
    });
    const loaded = await snapshots.load({ tenantId: TenantId.parse(tenantId), home: "eu" });
    const [policy] = loaded.ok ? loaded.value.tenant.policies : [];
    expect(policy).toMatchObject({ id: created.body.id });
    expect(policy).not.toHaveProperty("tests");
  });

  it("refuse the policy itself where it does not do what they say", async () => {
    const { key } = await newTenant();
    const tests = [testOf("allowed"), testOf("denied", { name: "what cannot be" })];
    const reply = await call("POST", "/policies", { key, body: { ...minimalPolicy, tests } });
    expect(reply).toMatchObject({ status: 422, body: { code: "policy_tests_failed", field: "tests[1]" } });
    for (const told of [minimalPolicy.name, "what cannot be", "denied", "allowed"])
      expect(reply.body.detail).toContain(told);
    expect((await call("GET", "/policies", { key })).body.items).toEqual([]);
  });

  it("refuse every kind of write that breaks them, and let it through once they are gone", async () => {
    const { key } = await newTenant();
    const { body: other } = await call("POST", "/policies", {
      key,
      body: { ...minimalPolicy, name: "Other" },
    });
    const { body: carrier } = await call("POST", "/policies", {
      key,
      body: { ...denyAll, actions: ["embedding"], tests: [testOf("allowed")] },
    });
    const broken = { status: 422, body: { code: "policy_tests_failed" } };
    const { body: history } = await call("GET", `/policies/${other.id}/history`, { key });
    const path = `/policies/${other.id}`;
    expect(await call("POST", "/policies", { key, body: denyAll })).toMatchObject(broken);
    expect(
      await call("PUT", path, { key, body: { ...minimalPolicy, actions: ["embedding"] } }),
    ).toMatchObject(broken);
    expect(await call("DELETE", path, { key })).toMatchObject(broken);
    expect((await call("GET", path, { key })).body.actions).toEqual(["chat"]);

    await call("PUT", `/policies/${carrier.id}`, { key, body: { ...denyAll, actions: ["embedding"] } });
    await call("PUT", path, { key, body: { ...minimalPolicy, actions: ["embedding"] } });
    await call("PUT", `/policies/${carrier.id}`, {
      key,
      body: { ...denyAll, actions: ["embedding"], tests: [testOf("denied")] },
    });
    const back = { key, body: { revision: history.items[0].revision } };
    expect(await call("POST", `${path}/revert`, back)).toMatchObject(broken);
    await call("DELETE", `/policies/${carrier.id}`, { key });
    expect((await call("POST", `${path}/revert`, back)).status).toBe(200);
  });

  it("are judged with the tenant's promise and the platform's policies, and never with another tenant's", async () => {
    const [mine, theirs] = [await newTenant(), await newTenant()];
    await call("POST", "/policies", { key: theirs.key, body: denyAll });
    expect((await call("POST", "/policies", { key: mine.key, body: carrying })).status).toBe(201);
    const { body: deny } = await call("POST", "/policies", {
      body: { ...denyAll, constraints: { allowedTenants: [theirs.tenantId] } },
    });
    const refused = await call("POST", "/policies", {
      key: theirs.key,
      body: { ...carrying, name: "Another" },
    });
    expect(refused).toMatchObject({ status: 422, body: { code: "policy_tests_failed" } });
    expect(
      (await call("POST", "/policies", { key: mine.key, body: { ...carrying, name: "Another" } })).status,
    ).toBe(201);
    await call("DELETE", `/policies/${deny.id}`);
  });
});
