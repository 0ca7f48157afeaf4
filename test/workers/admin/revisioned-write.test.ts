import { describe, expect, it, vi } from "vitest";
import { createPolicyStore } from "../../../src/admin/policies.store.ts";
import { createRevisionedWriter } from "../../../src/admin/revisioned-write.store.ts";
import { TenantId } from "../../../src/kernel/ids.ts";
import { createFixture, databases, minimalPolicy } from "./control-plane-fixture.ts";

const rowsOf = async (tenant: string, sql: string) =>
  (await databases.ofHome("global").prepare(sql).bind(tenant).all()).results;
const revisionsOf = (tenant: string) =>
  rowsOf(tenant, "SELECT revision, void FROM revisions WHERE scope = ?1 ORDER BY revision");
const recordsOf = async (tenant: string) =>
  (await rowsOf(`control/${tenant}`, "SELECT n, record FROM outbox WHERE source = ?1 ORDER BY n")).map(
    ({ n, record }) => ({ ...JSON.parse(String(record)), n }),
  );
const address = (tenant: string) => ({ scope: TenantId.parse(tenant), home: "global" }) as const;

describe("policy writes of one tenant", () => {
  it("get distinct consecutive revisions and consecutive records when they come at once", async () => {
    const { call, makeTenant } = await createFixture();
    const tenantId = await makeTenant();
    const body = { ...minimalPolicy, tenantId };
    const replies = await Promise.all(Array.from({ length: 8 }, () => call("POST", "/policies", { body })));
    expect(replies.map(({ status }) => status)).toEqual(Array(8).fill(201));
    const revisions = replies.map((reply) => reply.body.revision).sort((a, b) => a - b);
    expect(revisions).toEqual([2, 3, 4, 5, 6, 7, 8, 9]);
    const records = await recordsOf(tenantId);
    expect(records.map(({ n }) => n)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(records.map(({ revision }) => revision)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(records[0]).toMatchObject({ operation: "tenant.create", tenantId, objectId: tenantId });
    expect(records[1]).toMatchObject({
      operation: "policy.create",
      objectId: expect.stringMatching(/^policy_/),
    });
  });

  it("are answered only after every older lease has run out", async () => {
    const { call, makeTenant, tenantLedgers, waits } = await createFixture();
    const tenantId = await makeTenant();
    tenantLedgers.waitMs = 1234;
    await call("POST", "/policies", { body: { ...minimalPolicy, tenantId } });
    expect(waits.at(-1)).toBe(1234);
    expect(tenantLedgers.published(address(tenantId))).toBe(2);
  });

  it("read their preconditions in turn: of two deletions one finds nothing, and its revision is void", async () => {
    const { call, makeTenant, deps } = await createFixture();
    const tenantId = await makeTenant();
    const created = await call("POST", "/policies", { body: { ...minimalPolicy, tenantId } });
    const path = `/policies/${created.body.id}`;
    // Both deletions have seen the policy before either takes its turn.
    const bothSawIt = Promise.withResolvers<void>();
    let reads = 0;
    const { find } = deps.policies;
    vi.spyOn(deps.policies, "find").mockImplementation(async (id) => {
      const found = await find(id);
      reads += 1;
      if (reads === 2) bothSawIt.resolve();
      await bothSawIt.promise;
      return found;
    });
    const replies = await Promise.all([call("DELETE", path), call("DELETE", path)]);
    expect(replies.map(({ status }) => status).sort()).toEqual([204, 404]);
    const next = await call("POST", "/policies", { body: { ...minimalPolicy, tenantId } });
    expect(next.body.revision).toBe(5);
    expect(await revisionsOf(tenantId)).toEqual([
      { revision: 1, void: 0 },
      { revision: 2, void: 0 },
      { revision: 3, void: 0 },
      { revision: 4, void: 1 },
      { revision: 5, void: 0 },
    ]);
  });

  it("answer write_in_progress after about ten seconds of waiting for their turn", async () => {
    const { call, makeTenant, tenantLedgers, waits } = await createFixture();
    const tenantId = await makeTenant();
    await tenantLedgers.prepare(address(tenantId));
    tenantLedgers.prepare = async () => ({ ok: true, value: { outcome: "busy", retryAfterMs: 900 } });
    waits.length = 0;
    const reply = await call("POST", "/policies", { body: { ...minimalPolicy, tenantId } });
    expect(reply).toMatchObject({ status: 503, body: { code: "write_in_progress" } });
    expect(reply.headers.get("x-should-retry")).toBe("true");
    const waitedMs = waits.reduce((sum, ms) => sum + ms, 0);
    expect(waitedMs).toBeGreaterThanOrEqual(10_000);
    expect(waitedMs).toBeLessThan(12_000);
  });
});

describe("a write that breaks off", () => {
  it("between commit and publish stands: it is published by the alarm, and the next write follows it", async () => {
    const { call, makeTenant, tenantLedgers, delivered } = await createFixture();
    const tenantId = await makeTenant();
    const publish = tenantLedgers.publish;
    tenantLedgers.publish = async () => ({ ok: false, error: { code: "ledger_unavailable", message: "" } });
    const broken = await call("POST", "/policies", { body: { ...minimalPolicy, tenantId } });
    expect(broken).toMatchObject({ status: 503, body: { code: "ledger_unavailable" } });
    expect(broken.body.detail).toContain("committed");
    expect(delivered).toContain(tenantId);

    tenantLedgers.publish = publish;
    await tenantLedgers.alarm(address(tenantId));
    expect(tenantLedgers.published(address(tenantId))).toBe(2);
    expect(await revisionsOf(tenantId)).toContainEqual({ revision: 2, void: 0 });
    const listed = await call("GET", `/policies?tenant=${tenantId}`);
    expect(listed.body.items).toHaveLength(1);
    const next = await call("POST", "/policies", { body: { ...minimalPolicy, tenantId } });
    expect(next.body.revision).toBe(3);
  });

  it("before the commit leaves a void revision, no policy and no record", async () => {
    const { call, makeTenant, tenantLedgers } = await createFixture();
    const tenantId = await makeTenant();
    await tenantLedgers.prepare(address(tenantId));
    await tenantLedgers.alarm(address(tenantId));
    const next = await call("POST", "/policies", { body: { ...minimalPolicy, tenantId } });
    expect(next.body.revision).toBe(3);
    expect(await revisionsOf(tenantId)).toContainEqual({ revision: 2, void: 1 });
    expect(await recordsOf(tenantId)).toHaveLength(2);
  });

  it("after the alarm gave its revision away commits nothing", async () => {
    const { call, makeTenant, tenantLedgers, deps } = await createFixture();
    const tenantId = await makeTenant();
    const { find } = deps.tenants;
    let reads = 0;
    vi.spyOn(deps.tenants, "find").mockImplementation(async (id) => {
      reads += 1;
      // The first read finds the home, the second is the precondition: by then the write is too late.
      if (reads === 2) await tenantLedgers.alarm(address(tenantId));
      return find(id);
    });
    const late = await call("POST", "/policies", { body: { ...minimalPolicy, tenantId } });
    expect(late).toMatchObject({ status: 503, body: { code: "store_unavailable" } });
    expect((await call("GET", `/policies?tenant=${tenantId}`)).body.items).toEqual([]);
    expect(await revisionsOf(tenantId)).toContainEqual({ revision: 2, void: 1 });
  });

  it("because its batch failed gives the turn back at once and leaves nothing behind", async () => {
    const { call, makeTenant, deps } = await createFixture();
    const tenantId = await makeTenant();
    const put = vi
      .spyOn(deps.policies, "put")
      .mockImplementationOnce(() =>
        databases
          .ofHome("global")
          .prepare("INSERT INTO policies (id, scope, document) VALUES (NULL, '', '')"),
      );
    const failed = await call("POST", "/policies", { body: { ...minimalPolicy, tenantId } });
    expect(failed).toMatchObject({ status: 503, body: { code: "store_unavailable" } });
    put.mockRestore();
    const next = await call("POST", "/policies", { body: { ...minimalPolicy, tenantId } });
    expect(next).toMatchObject({ status: 201, body: { revision: 3 } });
    expect((await recordsOf(tenantId)).map(({ revision }) => revision)).toEqual([1, 3]);
    expect((await recordsOf(tenantId)).map(({ n }) => n)).toEqual([1, 2]);
  });

  it("whose commit succeeded but whose answer was lost counts as committed", async () => {
    const { makeTenant, tenantLedgers, deps } = await createFixture();
    const scope = TenantId.parse(await makeTenant());
    const home = databases.ofHome("global");
    const lossy = new Proxy(home, {
      get: (target, name) =>
        name === "batch"
          ? async (statements: D1PreparedStatement[]) => {
              await target.batch(statements);
              throw new Error("Network connection lost.");
            }
          : Reflect.get(target, name).bind(target),
    });
    const lossyDatabases = { ...databases, ofHome: () => lossy };
    const writer = createRevisionedWriter({
      databases: lossyDatabases,
      tenantLedgers,
      snapshots: { fill: async () => {} },
      deliverOutbox: async () => {},
      background: () => {},
      clock: deps.clock,
      wait: async () => {},
    });
    const keys = await deps.apiKeys.list({ limit: 1 });
    const apiKey = keys.ok ? keys.value.items[0] : undefined;
    if (apiKey === undefined) throw new Error("no key");
    const id = deps.ids.policy();
    const written = await writer.write({
      scope,
      home: "global",
      caller: { apiKey, requestId: deps.ids.request() },
      plan: async () => ({
        ok: true,
        value: {
          statements: [createPolicyStore(databases).delete({ scope, home: "global" }, id)],
          operation: "policy.delete",
          objectId: id,
          value: "done",
        },
      }),
    });
    expect(written).toEqual({ ok: true, value: { value: "done", revision: 2 } });
    expect(await revisionsOf(scope)).toContainEqual({ revision: 2, void: 0 });
  });

  it("says that it may have been made where neither D1 nor the ledger can tell", async () => {
    const { call, makeTenant, tenantLedgers, deps } = await createFixture();
    const tenantId = await makeTenant();
    const put = vi.spyOn(deps.policies, "put").mockImplementationOnce(() => {
      tenantLedgers.isUp = false;
      return databases.ofHome("global").prepare("INSERT INTO policies (id) VALUES (NULL)");
    });
    const failed = await call("POST", "/policies", { body: { ...minimalPolicy, tenantId } });
    expect(failed).toMatchObject({ status: 503, body: { code: "store_unavailable" } });
    expect(failed.body.detail).toContain("it may have been made");
    put.mockRestore();
  });

  it("because its preconditions threw still gives the turn back", async () => {
    const { call, makeTenant, deps } = await createFixture();
    const tenantId = await makeTenant();
    const log = vi.spyOn(console, "error").mockImplementation(() => {});
    const put = vi.spyOn(deps.policies, "put").mockImplementationOnce(() => {
      throw new TypeError("secret detail");
    });
    const broken = await call("POST", "/policies", { body: { ...minimalPolicy, tenantId } });
    expect(broken).toMatchObject({ status: 500, body: { code: "internal_error" } });
    expect(JSON.stringify(broken.body)).not.toContain("secret detail");
    expect(log.mock.calls.flat().join()).not.toContain("secret detail");
    expect(log.mock.calls.flat().join()).toContain(broken.headers.get("x-request-id"));
    put.mockRestore();
    log.mockRestore();
    const next = await call("POST", "/policies", { body: { ...minimalPolicy, tenantId } });
    expect(next.body.revision).toBe(3);
  });
});

it("answers 503 and writes nothing while the tenant's ledger cannot be reached", async () => {
  const { call, makeTenant, tenantLedgers } = await createFixture();
  const tenantId = await makeTenant();
  tenantLedgers.isUp = false;
  const reply = await call("POST", "/policies", { body: { ...minimalPolicy, tenantId } });
  expect(reply).toMatchObject({ status: 503, body: { code: "ledger_unavailable" } });
  expect((await call("GET", `/policies?tenant=${tenantId}`)).body.items).toEqual([]);
});
