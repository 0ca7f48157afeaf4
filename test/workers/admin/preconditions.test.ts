// If-Match in the write's own turn: of two writes that saw the same version, exactly one is made.
import { describe, expect, it, vi } from "vitest";
import {
  createFixture,
  databases,
  minimalDeployment,
  minimalPolicy,
  type Reply,
} from "./control-plane-fixture.ts";

const fixture = await createFixture();
const { call, deps, makeTenant } = fixture;

const made = async (path: string, body: object): Promise<string> => {
  const reply = await call("POST", path, { body });
  return `${path}/${reply.body.name && path === "/deployments" ? reply.body.name : reply.body.id}`;
};

interface Race {
  readonly make: () => Promise<string>;
  readonly method: string;
  readonly bodies: readonly [object, object];
}

const deployment = (name: string, maxOutputTokens: number) => ({
  ...minimalDeployment(name),
  maxOutputTokens,
});
const races: Readonly<Record<string, Race>> = {
  policy: {
    make: () => made("/policies", minimalPolicy),
    method: "PUT",
    bodies: [
      { ...minimalPolicy, name: "one" },
      { ...minimalPolicy, name: "two" },
    ],
  },
  "policy, by two writes that say the same": {
    make: () => made("/policies", minimalPolicy),
    method: "PUT",
    bodies: [minimalPolicy, minimalPolicy],
  },
  tenant: {
    make: async () => `/tenants/${await makeTenant("race", "eu")}`,
    method: "PUT",
    bodies: [{ name: "one" }, { name: "two" }],
  },
  deployment: {
    async make() {
      await call("DELETE", "/deployments/race");
      return made("/deployments", minimalDeployment("race"));
    },
    method: "PUT",
    bodies: [deployment("race", 1), deployment("race", 2)],
  },
  // A name is no part of an agent's version.
  "agent's name": {
    make: () => made("/agents", { name: "a" }),
    method: "PATCH",
    bodies: [{ name: "one" }, { name: "two" }],
  },
  "agent's roles": {
    make: () => made("/agents", { name: "a" }),
    method: "PATCH",
    bodies: [{ roles: ["one"] }, { roles: ["two"] }],
  },
};

const etagOf = (reply: Reply): string => reply.headers.get("etag") ?? "";

describe("two changes to the same version of a", () => {
  it.each(Object.entries(races))("%s: exactly one is made", async (_, { make, method, bodies }) => {
    const path = await make();
    const seen = etagOf(await call("GET", path));
    const headers = { "if-match": seen };
    const replies = await Promise.all(bodies.map((body) => call(method, path, { body, headers })));
    expect(replies.map(({ status }) => status).sort()).toEqual([200, 412]);
    const won = replies.find(({ status }) => status === 200);
    const lost = replies.find(({ status }) => status === 412);
    const now = await call("GET", path);
    const { revision: _revision, ...written } = won?.body ?? {};
    expect(now.body).toEqual(written);
    expect(won && etagOf(won)).toBe(etagOf(now));
    expect(lost && etagOf(lost)).toBe(etagOf(now));
    expect(lost?.body).toMatchObject({ code: "precondition_failed", field: "if-match" });
    expect(lost?.headers.get("x-should-retry")).toBe("false");

    const again = await call(method, path, { body: bodies[1], headers: { "if-match": etagOf(now) } });
    expect(again.status).toBe(200);
  });

  it.each(Object.entries(races))("%s: a deletion of what was changed is not made", async (_, race) => {
    const path = await race.make();
    const headers = { "if-match": etagOf(await call("GET", path)) };
    expect((await call(race.method, path, { body: race.bodies[0] })).status).toBe(200);
    expect((await call("DELETE", path, { headers })).status).toBe(412);
    expect((await call("GET", path)).status).toBe(200);
    expect((await call("DELETE", path, { headers: { "if-match": "*" } })).status).toBe(204);
    expect((await call("DELETE", path, { headers: { "if-match": "*" } })).status).toBe(404);
  });
});

it("is judged on what is read in turn, not on what was read before", async () => {
  const path = await made("/policies", minimalPolicy);
  const headers = { "if-match": etagOf(await call("GET", path)) };
  const { find } = deps.policies;
  let reads = 0;
  const spy = vi.spyOn(deps.policies, "find").mockImplementation(async (id) => {
    const found = await find(id);
    reads += 1;
    // After the first reading, before the turn.
    if (reads === 1) {
      await databases.platform
        .prepare(`UPDATE policies SET document = json_set(document, '$.name', 'changed') WHERE id = ?1`)
        .bind(id)
        .run();
    }
    return found;
  });
  const reply = await call("PUT", path, { body: minimalPolicy, headers });
  spy.mockRestore();
  expect(reads).toBe(2);
  expect(reply).toMatchObject({ status: 412, body: { code: "precondition_failed" } });
  expect((await call("GET", path)).body.name).toBe("changed");
});

it("absent, asks nothing: the last write wins", async () => {
  const path = await made("/policies", minimalPolicy);
  const bodies = ["one", "two"].map((name) => ({ ...minimalPolicy, name }));
  const replies = await Promise.all(bodies.map((body) => call("PUT", path, { body })));
  expect(replies.map(({ status }) => status)).toEqual([200, 200]);
});

it("of an API key names the key that is deleted, once", async () => {
  const path = await made("/keys", { name: "k", scopes: ["agents:read"] });
  const headers = { "if-match": etagOf(await call("GET", path)) };
  expect((await call("DELETE", path, { headers: { "if-match": '"other"' } })).status).toBe(412);
  const replies = await Promise.all([0, 1].map(() => call("DELETE", path, { headers })));
  expect(replies.map(({ status }) => status).sort()).toEqual([204, 404]);
});

it("is not told in lists", async () => {
  for (const path of ["/policies", "/tenants", "/deployments", "/agents", "/keys"]) {
    expect((await call("GET", path)).headers.has("etag")).toBe(false);
  }
});
