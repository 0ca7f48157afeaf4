import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { ApiKey, apiKeyHash, mintApiKeyText } from "../../../src/capability/api-key.ts";
import { authenticateApiKey } from "../../../src/capability/api-key-auth.ts";
import { createApiKeyStore } from "../../../src/capability/api-keys.store.ts";
import { TenantId } from "../../../src/kernel/ids.ts";
import { plansOf, watchedDatabase } from "../audit/watched-database.ts";

const store = createApiKeyStore(env.PLATFORM_DB);
const tenantA = TenantId.parse("tenant-a");

const keyOf = (index: number, tenantId: string | null = null, expiresAt: string | null = null) =>
  ApiKey.parse({
    id: `key_${String(index).padStart(32, "0")}`,
    name: `Key ${index}`,
    scopes: ["agents:read", "enforce"],
    tenantId,
    createdAt: "2026-01-01T00:00:00.000Z",
    expiresAt,
  });
const hashOf = (index: number) => apiKeyHash(`key text ${index}`);
const insert = async (index: number, tenantId: string | null = null) => {
  const apiKey = keyOf(index, tenantId);
  expect(await store.insert({ apiKey, hash: await hashOf(index) })).toMatchObject({ ok: true });
  return apiKey;
};

beforeEach(async () => {
  await env.PLATFORM_DB.prepare("DELETE FROM api_keys").run();
});

describe("the store of API keys", () => {
  it("finds what it stored, by id and by hash", async () => {
    const apiKey = await insert(1, "tenant-a");
    expect(await store.get(apiKey.id)).toEqual({ ok: true, value: apiKey });
    expect(await store.findByHash(await hashOf(1))).toEqual({
      ok: true,
      value: { apiKey, hash: await hashOf(1) },
    });
    expect(await store.get(keyOf(2).id)).toEqual({ ok: true, value: null });
    expect(await store.findByHash(await hashOf(2))).toEqual({ ok: true, value: null });
  });

  it("is what authenticates a key's text, and never holds the text", async () => {
    const text = mintApiKeyText((length) => crypto.getRandomValues(new Uint8Array(length)));
    const apiKey = keyOf(1);
    await store.insert({ apiKey, hash: await apiKeyHash(text) });
    const ports = { find: store.findByHash, clock: () => 0 };
    expect(await authenticateApiKey(ports, text)).toEqual({ ok: true, value: apiKey });
    const { results } = await env.PLATFORM_DB.prepare("SELECT * FROM api_keys").all();
    expect(JSON.stringify(results)).not.toContain(text.slice(3));
    await store.delete(apiKey.id);
    expect(await authenticateApiKey(ports, text)).toMatchObject({
      ok: false,
      error: { code: "api_key_invalid" },
    });
  });

  it("keeps a key's end", async () => {
    const apiKey = keyOf(1, null, "2027-01-01T00:00:00.000Z");
    await store.insert({ apiKey, hash: await hashOf(1) });
    expect(await store.get(apiKey.id)).toEqual({ ok: true, value: apiKey });
    expect(await store.findByHash(await hashOf(1))).toMatchObject({ value: { apiKey } });
    expect(await store.list({ limit: 1 })).toMatchObject({ value: { items: [apiKey] } });
  });

  it("lists page by page, each key once, oldest first", async () => {
    for (const index of [3, 1, 5, 2, 4]) await insert(index);
    const seen: string[] = [];
    let cursor: string | undefined;
    for (let page = 0; page < 3; page += 1) {
      const listed = await store.list({ limit: 2, cursor });
      if (!listed.ok) throw new Error(listed.error.code);
      seen.push(...listed.value.items.map((key) => key.name));
      cursor = listed.value.nextCursor ?? undefined;
    }
    expect(seen).toEqual(["Key 1", "Key 2", "Key 3", "Key 4", "Key 5"]);
    expect(cursor).toBeUndefined();
  });

  it("shows a tenant its own keys only", async () => {
    await insert(1, "tenant-a");
    await insert(2, "tenant-b");
    await insert(3);
    const listed = await store.list({ limit: 10, tenantId: tenantA });
    expect(listed).toEqual({ ok: true, value: { items: [keyOf(1, "tenant-a")], nextCursor: null } });
  });

  it("refuses a cursor that is none", async () => {
    expect(await store.list({ limit: 1, cursor: "?" })).toMatchObject({
      ok: false,
      error: { code: "query_invalid" },
    });
  });

  it("says whether there was a key to delete", async () => {
    const { id } = await insert(1);
    expect(await store.delete(id)).toEqual({ ok: true, value: true });
    expect(await store.delete(id)).toEqual({ ok: true, value: false });
  });

  it("writes a key and its companions together or not at all", async () => {
    const good = env.PLATFORM_DB.prepare("INSERT INTO revisions (scope, revision) VALUES ('companion', 1)");
    const write = async (index: number) =>
      store.insert({ apiKey: keyOf(index), hash: await hashOf(index) }, [good]);
    expect(await write(1)).toEqual({ ok: true, value: undefined });
    // The companion's primary key is taken by now.
    expect(await write(2)).toMatchObject({ ok: false, error: { code: "store_unavailable" } });
    expect(await store.get(keyOf(2).id)).toEqual({ ok: true, value: null });
    expect(await store.delete(keyOf(1).id, [good])).toMatchObject({ ok: false });
    expect(await store.get(keyOf(1).id)).toMatchObject({ ok: true, value: { name: "Key 1" } });
  });

  it("refuses a second key of the same hash", async () => {
    await insert(1);
    const again = await store.insert({ apiKey: keyOf(2), hash: await hashOf(1) });
    expect(again).toMatchObject({ ok: false, error: { code: "already_exists" } });
  });

  it("refuses while the database cannot be asked", async () => {
    const down = createApiKeyStore(brokenDatabase());
    for (const answer of [
      await down.findByHash("x"),
      await down.get(keyOf(1).id),
      await down.list({ limit: 1 }),
      await down.insert({ apiKey: keyOf(1), hash: "x" }),
      await down.delete(keyOf(1).id),
    ]) {
      expect(answer).toMatchObject({ ok: false, error: { code: "store_unavailable" } });
    }
  });

  it("searches an index with every statement", async () => {
    const { db, asked } = watchedDatabase(env.PLATFORM_DB);
    const watched = createApiKeyStore(db);
    await watched.findByHash("x");
    await watched.get(keyOf(1).id);
    await watched.list({ limit: 1 });
    await watched.list({ limit: 1, tenantId: tenantA });
    await watched.delete(keyOf(1).id);
    const plans = await plansOf(env.PLATFORM_DB, asked);
    expect(plans).toHaveLength(5);
    for (const plan of plans) {
      expect(plan).toMatch(/^SEARCH api_keys USING/);
      expect(plan).not.toMatch(/SCAN|TEMP B-TREE/);
    }
  });
});

/** Every statement fails, as under "D1_ERROR: overloaded". */
function brokenDatabase(): D1Database {
  const failing = async () => {
    throw new Error("D1_ERROR: D1 DB is overloaded.");
  };
  return new Proxy(env.PLATFORM_DB, {
    get(target, name) {
      if (name === "batch") return failing;
      if (name !== "prepare") return Reflect.get(target, name);
      return (sql: string) => {
        const statement = target.prepare(sql);
        return Object.assign(statement, {
          bind: () => Object.assign(statement, { first: failing, all: failing }),
        });
      };
    },
  });
}
