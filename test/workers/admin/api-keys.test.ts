import { describe, expect, it } from "vitest";
import { apiKeyHash } from "../../../src/capability/api-key.ts";
import { createFixture, databases } from "./control-plane-fixture.ts";

const fixture = await createFixture();
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

describe("an API key", () => {
  it("is shown once and stored nowhere", async () => {
    const made = await call("POST", "/keys", { body: { name: "ci", scopes: ["agents:read"] } });
    expect(made).toMatchObject({
      status: 201,
      body: { name: "ci", scopes: ["agents:read"], tenantId: null },
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

  it.each([
    [{ name: "k", scopes: [] }, "scopes"],
    [{ name: "k", scopes: ["root"] }, "scopes[0]"],
    [{ name: "k", scopes: ["enforce", "enforce"] }, "scopes"],
  ])("is not made from %j", async (body, field) => {
    expect(await call("POST", "/keys", { body })).toMatchObject({ status: 400, body: { field } });
  });
});

it("the last platform key that can make keys stays", async () => {
  const id = await keyIdOf(rootKey);
  const tenantId = await makeTenant();
  // Neither a bound key with the scope nor a platform key without it can take its place.
  await call("POST", "/keys", { body: { name: "bound", scopes: ["keys:write"], tenantId } });
  await call("POST", "/keys", { body: { name: "reader", scopes: ["keys:read"] } });
  const before = await databases.platform.prepare("SELECT COUNT(*) FROM outbox").first("COUNT(*)");
  expect(await call("DELETE", `/keys/${id}`)).toMatchObject({ status: 409, body: { code: "in_use" } });
  expect((await call("GET", `/keys/${id}`)).status).toBe(200);
  expect(await databases.platform.prepare("SELECT COUNT(*) FROM outbox").first("COUNT(*)")).toBe(before);
  const second = await call("POST", "/keys", {
    body: { name: "second", scopes: ["keys:read", "keys:write"] },
  });
  const replies = await Promise.all([
    call("DELETE", `/keys/${id}`),
    call("DELETE", `/keys/${second.body.id}`, { key: second.body.key }),
  ]);
  expect(replies.map(({ status }) => status).sort()).toEqual([204, 409]);
});
