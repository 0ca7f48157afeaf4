import { describe, expect, it, vi } from "vitest";
import { createFixture, databases, minimalPolicy } from "./control-plane-fixture.ts";

const fixture = await createFixture();
const { call, makeKey, makeTenant } = fixture;

describe("default-tenant", () => {
  it("exists from the start, is changed like any other, and cannot be deleted", async () => {
    const builtIn = await call("GET", "/tenants/default-tenant");
    expect(builtIn).toMatchObject({
      status: 200,
      body: {
        id: "default-tenant",
        name: "Default tenant",
        home: "global",
        limits: {},
        residency: { zone: "none" },
      },
    });
    expect((await call("GET", "/tenants")).body.items).toContainEqual(builtIn.body);
    const changed = await call("PUT", "/tenants/default-tenant", {
      body: { ...builtIn.body, name: "Ours", limits: { maxTokensPerDay: 5 } },
    });
    expect(changed).toMatchObject({ status: 200, body: { name: "Ours", revision: 1 } });
    expect((await call("GET", "/tenants/default-tenant")).body).toMatchObject({
      name: "Ours",
      limits: { maxTokensPerDay: 5 },
    });
    expect(await call("DELETE", "/tenants/default-tenant")).toMatchObject({
      status: 409,
      body: { code: "in_use" },
    });
  });
});

describe("a tenant", () => {
  it("is written to its home and the directory, and recorded in its home", async () => {
    const body = { id: "acme-eu", name: "Acme", home: "eu", residency: { zone: "eu" } };
    const created = await call("POST", "/tenants", { body });
    expect(created).toMatchObject({ status: 201, body: { ...body, revision: 1 } });
    const row = await databases.platform
      .prepare("SELECT home FROM directory WHERE tenant_id = 'acme-eu'")
      .first();
    expect(row).toEqual({ home: "eu" });
    const records = await databases
      .ofHome("eu")
      .prepare("SELECT n FROM outbox WHERE source = 'control/acme-eu'")
      .all();
    expect(records.results).toEqual([{ n: 1 }]);
    expect((await call("GET", "/tenants/acme-eu")).body.residency).toMatchObject({
      zone: "eu",
      processing: "zone",
    });
  });

  it("has one id for all homes, also when two are made at once", async () => {
    const inHome = (home: string) => call("POST", "/tenants", { body: { id: "twin", name: home, home } });
    const replies = await Promise.all([inHome("global"), inHome("eu"), inHome("eu")]);
    expect(replies.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
    const winner = replies.find(({ status }) => status === 201);
    expect((await call("GET", "/tenants/twin")).body).toMatchObject({
      name: winner?.body.name,
      home: winner?.body.home,
    });
    expect(await inHome("global")).toMatchObject({ status: 409, body: { code: "already_exists" } });
  });

  it.each([
    ["id", { id: "other" }],
    ["home", { home: "eu" }],
  ])("keeps its %s", async (field, change) => {
    const id = await makeTenant();
    expect(await call("PUT", `/tenants/${id}`, { body: { name: "n", ...change } })).toMatchObject({
      status: 422,
      body: { code: "meaningless", field },
    });
    expect((await call("GET", `/tenants/${id}`)).body).toMatchObject({ id, home: "global" });
  });

  it.each(["platform", "UPPER", "-a", "a".repeat(65)])("cannot be called %s", async (id) => {
    expect(await call("POST", "/tenants", { body: { id, name: "n" } })).toMatchObject({
      status: 400,
      body: { field: "id" },
    });
  });

  it("is deleted only when nothing is left in it, and then is gone everywhere", async () => {
    const id = await makeTenant("del", "eu");
    const agent = await call("POST", "/agents", { body: { name: "a", tenantId: id } });
    const policy = await call("POST", "/policies", { body: { ...minimalPolicy, tenantId: id } });
    const key = await call("POST", "/keys", { body: { name: "k", scopes: ["agents:read"], tenantId: id } });
    for (const [path, what] of [
      [`/agents/${agent.body.id}`, "agents and policies and API keys"],
      [`/policies/${policy.body.id}`, "policies and API keys"],
      [`/keys/${key.body.id}`, "API keys"],
    ]) {
      const refused = await call("DELETE", `/tenants/${id}`);
      expect(refused).toMatchObject({ status: 409, body: { code: "in_use" } });
      expect(refused.body.detail).toContain(what);
      expect((await call("DELETE", String(path))).status).toBe(204);
    }
    const deleted = await call("DELETE", `/tenants/${id}`);
    expect(deleted.status).toBe(204);
    expect(deleted.headers.get("portcullis-revision")).toMatch(/^\d+$/);
    expect((await call("GET", `/tenants/${id}`)).status).toBe(404);
    expect((await call("DELETE", `/tenants/${id}`)).status).toBe(404);
    expect(await call("POST", "/agents", { body: { name: "a", tenantId: id } })).toMatchObject({
      status: 404,
    });
    const again = await call("POST", "/tenants", { body: { id, name: "again", home: "eu" } });
    expect(again.status).toBe(201);
    expect(again.body.revision).toBeGreaterThan(Number(deleted.headers.get("portcullis-revision")));
  });

  it("never loses an agent that is registered while it is being deleted", async () => {
    const id = await makeTenant("race");
    const [deleted, agent] = await Promise.all([
      call("DELETE", `/tenants/${id}`),
      call("POST", "/agents", { body: { name: "a", tenantId: id } }),
    ]);
    // Whichever was first, never both.
    expect([deleted.status === 204, agent.status === 201].filter(Boolean)).toHaveLength(1);
  });

  it("stays when an agent appears after the deletion looked for agents", async () => {
    const id = await makeTenant("late");
    const agent = await call("POST", "/agents", { body: { name: "a", tenantId: id } });
    const looked = vi.spyOn(fixture.deps.agents, "hasAny").mockResolvedValueOnce({ ok: true, value: false });
    expect(await call("DELETE", `/tenants/${id}`)).toMatchObject({ status: 503 });
    looked.mockRestore();
    expect((await call("GET", `/tenants/${id}`)).status).toBe(200);
    expect((await call("GET", `/agents/${agent.body.id}`)).status).toBe(200);
    expect(await call("DELETE", `/tenants/${id}`)).toMatchObject({ status: 409, body: { code: "in_use" } });
  });

  it("that a broken-off deletion left half deleted is gone, and deleting it again finishes", async () => {
    const id = await makeTenant("half");
    await databases.ofHome("global").prepare("DELETE FROM tenants WHERE id = ?1").bind(id).run();
    expect((await call("GET", `/tenants/${id}`)).status).toBe(404);
    expect(
      (await call("GET", "/tenants?limit=200")).body.items.map((item: { id: string }) => item.id),
    ).not.toContain(id);
    expect((await call("POST", "/agents", { body: { name: "a", tenantId: id } })).status).toBe(404);
    expect((await call("DELETE", `/tenants/${id}`)).status).toBe(204);
    const row = await databases.platform
      .prepare("SELECT home FROM directory WHERE tenant_id = ?1")
      .bind(id)
      .first();
    expect(row).toBeNull();
  });

  it("that a broken-off creation left half made can be made again", async () => {
    const body = { id: "half-made", name: "Half" };
    await databases
      .ofHome("global")
      .prepare("INSERT INTO tenants (id, document, updated_at) VALUES (?1, ?2, '2026-01-01T00:00:00.000Z')")
      .bind("half-made", JSON.stringify(body))
      .run();
    expect((await call("GET", "/tenants/half-made")).status).toBe(404);
    expect((await call("POST", "/tenants", { body })).status).toBe(201);
  });

  it("can be read by its own keys", async () => {
    const id = await makeTenant();
    const reply = await call("GET", `/tenants/${id}`, { key: await makeKey(id) });
    expect(reply).toMatchObject({ status: 200, body: { id } });
  });
});

it("lists tenants in pages over all homes", async () => {
  const ids = await Promise.all(["global", "eu", "global"].map((home) => makeTenant("page", home)));
  const seen: string[] = [];
  let cursor = "";
  do {
    const reply = await call("GET", `/tenants?limit=2${cursor === "" ? "" : `&cursor=${cursor}`}`);
    seen.push(...reply.body.items.map((item: { id: string }) => item.id));
    cursor = reply.body.nextCursor ?? "";
  } while (cursor !== "");
  expect(seen).toEqual(expect.arrayContaining([...ids, "default-tenant"]));
  expect(new Set(seen).size).toBe(seen.length);
});
