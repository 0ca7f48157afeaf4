import { afterEach, describe, expect, it } from "vitest";
import { apiKeyHash } from "../../../src/capability/api-key.ts";
import { createFixture, databases } from "./control-plane-fixture.ts";

/** Where a test sets it, the gateway's clock. */
let setMs: number | undefined;
const fixture = await createFixture({ clock: () => setMs ?? Date.now() });
afterEach(() => {
  setMs = undefined;
});
const { call, rootKey, makeTenant } = fixture;

const keyIdOf = async (key: string) => {
  const { items } = (await call("GET", "/keys?limit=200", { key: rootKey })).body;
  const row = await databases.platform
    .prepare("SELECT id FROM api_keys WHERE hash = ?1")
    .bind(await apiKeyHash(key))
    .first("id");
  expect(items.map((item: { id: string }) => item.id)).toContain(row);
  return String(row);
};

const DAY_MS = 86_400_000;
const inDays = (days: number) => new Date(Date.now() + days * DAY_MS).toISOString();

describe("an API key", () => {
  it("is shown once and stored nowhere", async () => {
    const made = await call("POST", "/keys", { body: { name: "ci", scopes: ["agents:read"] } });
    expect(made).toMatchObject({
      status: 201,
      body: { name: "ci", scopes: ["agents:read"], tenantId: null, expiresAt: null },
    });
    const { key, ...rest } = made.body;
    expect((await call("GET", "/agents", { key })).status).toBe(200);
    expect((await call("GET", `/keys/${rest.id}`)).body).toEqual(rest);
    const dump = JSON.stringify([
      (await databases.platform.prepare("SELECT * FROM api_keys").all()).results,
      (await databases.platform.prepare("SELECT * FROM outbox").all()).results,
      (await call("GET", "/keys?limit=200")).body,
    ]);
    expect(dump).not.toContain(key);
    expect(dump).toContain("key.create");
  });

  it("opens nothing once it is deleted", async () => {
    const made = await call("POST", "/keys", { body: { name: "ci", scopes: ["agents:read"] } });
    expect((await call("DELETE", `/keys/${made.body.id}`)).status).toBe(204);
    expect((await call("GET", "/agents", { key: made.body.key })).status).toBe(401);
    expect((await call("DELETE", `/keys/${made.body.id}`)).status).toBe(404);
  });

  it("opens nothing from its end on, by the gateway's clock", async () => {
    const expiresAt = inDays(1);
    const made = await call("POST", "/keys", {
      body: { name: "for a day", scopes: ["agents:read"], expiresAt },
    });
    expect(made).toMatchObject({ status: 201, body: { expiresAt } });
    const { key, id } = made.body;
    expect((await call("GET", `/keys/${id}`)).body).toMatchObject({ expiresAt });
    setMs = Date.parse(expiresAt) - 1;
    expect((await call("GET", "/agents", { key })).status).toBe(200);
    setMs += 1;
    expect(await call("GET", "/agents", { key })).toMatchObject({
      status: 401,
      body: { code: "api_key_expired" },
    });
    expect((await call("GET", `/keys/${id}`)).body).toMatchObject({ expiresAt });
    expect((await call("DELETE", `/keys/${id}`)).status).toBe(204);
  });

  it.each([
    ["is past", () => inDays(-1)],
    ["is more than five years ahead", () => inDays(2_000)],
  ])("is not made with an end that %s", async (_name, expiresAt) => {
    const body = { name: "k", scopes: ["enforce"], expiresAt: expiresAt() };
    expect(await call("POST", "/keys", { body })).toMatchObject({
      status: 422,
      body: { code: "meaningless", field: "expiresAt" },
    });
  });

  it("of a tenant makes none that outlasts it", async () => {
    const tenantId = await makeTenant();
    const made = await call("POST", "/keys", {
      body: { name: "bound", scopes: ["keys:write"], tenantId, expiresAt: inDays(2) },
    });
    const makes = (more: object) =>
      call("POST", "/keys", {
        key: made.body.key,
        body: { name: "child", scopes: ["keys:write"], ...more },
      });
    for (const more of [{}, { expiresAt: inDays(3) }]) {
      expect(await makes(more)).toMatchObject({ status: 422, body: { field: "expiresAt" } });
    }
    expect((await makes({ expiresAt: inDays(1) })).status).toBe(201);
  });

  it.each([
    [{ name: "k", scopes: [] }, "scopes"],
    [{ name: "k", scopes: ["enforce"], expiresAt: "tomorrow" }, "expiresAt"],
    [{ name: "k", scopes: ["root"] }, "scopes[0]"],
    [{ name: "k", scopes: ["enforce", "enforce"] }, "scopes"],
  ])("is not made from %j", async (body, field) => {
    expect(await call("POST", "/keys", { body })).toMatchObject({ status: 400, body: { field } });
  });
});

it("the last platform key that can make keys stays", async () => {
  const id = await keyIdOf(rootKey);
  const tenantId = await makeTenant();
  // Neither a bound key with the scope, nor a platform key without it, nor one that has ended can take its place.
  await call("POST", "/keys", { body: { name: "bound", scopes: ["keys:write"], tenantId } });
  await call("POST", "/keys", { body: { name: "reader", scopes: ["keys:read"] } });
  const ended = await call("POST", "/keys", {
    body: { name: "ended", scopes: ["keys:write"], expiresAt: inDays(1) },
  });
  await databases.platform
    .prepare("UPDATE api_keys SET expires_at = ?1 WHERE id = ?2")
    .bind(inDays(-1), ended.body.id)
    .run();
  const before = await databases.platform.prepare("SELECT COUNT(*) FROM outbox").first("COUNT(*)");
  expect(await call("DELETE", `/keys/${id}`)).toMatchObject({ status: 409, body: { code: "in_use" } });
  expect((await call("GET", `/keys/${id}`)).status).toBe(200);
  expect(await databases.platform.prepare("SELECT COUNT(*) FROM outbox").first("COUNT(*)")).toBe(before);
  expect((await call("DELETE", `/keys/${ended.body.id}`)).status).toBe(204);
  const second = await call("POST", "/keys", {
    body: { name: "second", scopes: ["keys:read", "keys:write"] },
  });
  const replies = await Promise.all([
    call("DELETE", `/keys/${id}`),
    call("DELETE", `/keys/${second.body.id}`, { key: second.body.key }),
  ]);
  expect(replies.map(({ status }) => status).sort()).toEqual([204, 409]);
});
