// Health and readiness: without a key, naming which store is ill and nothing else, over the platform's real stores.
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import type { Env } from "../../../src/bindings.ts";
import { compose } from "../../../src/compose.ts";
import { createHealthRoutes } from "../../../src/gateway/health.routes.ts";
import { homeNames } from "../../../src/residency/home.ts";
import worker from "../../../src/worker.ts";

const everyStore = Object.fromEntries([
  ["platform.db", "ok"],
  ...homeNames.flatMap((home) => ["db", "kv", "queue", "ledger"].map((store) => [`${home}.${store}`, "ok"])),
]);

const ill = async (): Promise<never> => {
  throw new Error("connect ECONNREFUSED 192.0.2.7");
};

async function ask(path: string, bindings: Env) {
  const composed = await compose(bindings, () => {});
  const routes = createHealthRoutes(async () => composed);
  const response = await routes.fetch(new Request(`https://gateway.test${path}`), bindings);
  return { status: response.status, headers: response.headers, text: await response.text() };
}

async function askWorker(path: string) {
  const context = createExecutionContext();
  const response = await worker.fetch(new Request(`https://gateway.test${path}`), env, context);
  await waitOnExecutionContext(context);
  return { status: response.status, body: await response.json() };
}

describe("the Worker", () => {
  it("is healthy without a key or details", async () => {
    expect(await askWorker("/v1/health")).toEqual({ status: 200, body: { status: "ok" } });
  });

  it("is ready when every store of every home answers", async () => {
    expect(await askWorker("/v1/ready")).toEqual({
      status: 200,
      body: { status: "ok", stores: everyStore },
    });
  });
});

describe("readiness", () => {
  const database = { prepare: () => ({ first: ill }) } as unknown as D1Database;
  const noQueue = {} as unknown as Queue;
  const ledgers = new Proxy(env.TENANT_LEDGER, {
    get(target, member) {
      if (member === "get") return () => ({ settle: ill });
      const value: unknown = Reflect.get(target, member);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });

  // Bindings stay out of the table: a test's name that prints one calls it.
  const sick: Readonly<Record<string, Partial<Env>>> = {
    "platform.db": { PLATFORM_DB: database },
    "global.db": { GLOBAL_DB: database },
    "eu.db": { EU_DB: database },
    "eu.kv": { EU_KV: { get: ill } as unknown as KVNamespace },
    "global.queue": { GLOBAL_AUDIT: noQueue },
    [homeNames.map((home) => `${home}.ledger`).join(" ")]: { TENANT_LEDGER: ledgers },
  };
  it.each(Object.keys(sick))("names %s when that is ill, and nothing of why", async (names) => {
    const { status, headers, text } = await ask("/v1/ready", { ...env, ...sick[names] });
    expect(status).toBe(503);
    expect(headers.get("cache-control")).toBe("no-store");
    const { stores } = JSON.parse(text) as { stores: Record<string, string> };
    const found = Object.entries(stores).flatMap(([store, state]) => (state === "ok" ? [] : [store]));
    expect(found.join(" ")).toBe(names);
    expect(Object.keys(stores)).toEqual(Object.keys(everyStore));
    expect(text).not.toContain("192.0.2.7");
  });
});

describe("health", () => {
  it("does not ask the stores", async () => {
    const database = { prepare: ill } as unknown as D1Database;
    const { status, text } = await ask("/v1/health", { ...env, PLATFORM_DB: database, GLOBAL_DB: database });
    expect({ status, text }).toEqual({ status: 200, text: '{"status":"ok"}' });
  });

  it.each(["/v1/health", "/v1/ready"])("of a misconfigured Worker is 503 on %s, and logged", async (path) => {
    const logged = vi.spyOn(console, "error").mockImplementation(() => {});
    try {
      const routes = createHealthRoutes(() => compose({ ...env, SIGNING_KEYS: "" }));
      const response = await routes.fetch(new Request(`https://gateway.test${path}`), env);
      expect(response.status).toBe(503);
      expect(await response.text()).toBe('{"status":"ill"}');
      expect(logged.mock.calls.flat().join()).toContain("SIGNING_KEYS");
    } finally {
      logged.mockRestore();
    }
  });
});
