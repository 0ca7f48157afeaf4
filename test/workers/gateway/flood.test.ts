// Floods of bad credentials: what they cost, what bounds them, and that good callers do not notice.
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import type { Env } from "../../../src/bindings.ts";
import { mintApiKeyText } from "../../../src/capability/api-key.ts";
import { compose } from "../../../src/compose.ts";
import { createDataPlane } from "../../../src/gateway/data-plane.routes.ts";
import { createEnforceRoutes } from "../../../src/gateway/enforce.routes.ts";
import { MINUTE_MS } from "../../../src/kernel/clock.ts";
import { homeBindings, homeNames } from "../../../src/residency/home.ts";
import worker from "../../../src/worker.ts";
import { admin, call, codeOf, completion, newCaller, scriptedAzure } from "./gateway-fixture.ts";

/** `limit` of BAD_CREDENTIALS in wrangler.toml. */
const LIMIT = 100;

const stores = [
  ...(["AGENT_LEDGER", "TENANT_LEDGER", "PLATFORM_DB"] as const),
  ...homeNames.flatMap((home) => homeBindings(home)),
];

/** The Worker's bindings, each use of a store noted. */
function watched(): { readonly env: Env; readonly used: string[] } {
  const used: string[] = [];
  const watch = <T extends object>(name: string, binding: T): T =>
    new Proxy(binding, {
      get(target, member) {
        used.push(`${name}.${String(member)}`);
        const value: unknown = Reflect.get(target, member);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  const replaced = Object.fromEntries(stores.map((name) => [name, watch(name, env[name])]));
  return { env: { ...env, ...replaced }, used };
}

const work: Promise<unknown>[] = [];
const background = (promise: Promise<unknown>) => {
  work.push(promise);
};

async function watchedGateway() {
  const { env: bindings, used } = watched();
  const composed = await compose(bindings, background);
  const azure = scriptedAzure(() => completion());
  used.length = 0;
  return { composed, used, azure, gateway: { ...composed.gateway, azure } };
}

let addresses = 0;
/** An address of its own for each test: the limiter is the platform's, and shared. */
const newAddress = (): string => `198.51.100.${++addresses}`;

/** Sends until a 429 comes, which may take twice the limit: the limiter's minute can end in between. */
async function flood(send: () => Promise<Response> | Response) {
  const answered: number[] = [];
  for (;;) {
    const response = await send();
    if (response.status === 429) {
      expect(answered.length).toBeGreaterThanOrEqual(LIMIT);
      return { answered, refused: response };
    }
    answered.push(response.status);
    expect(answered.length).toBeLessThanOrEqual(2 * LIMIT);
  }
}

const forged = (token: string): string => {
  const [header, payload] = token.split(".");
  return `${header}.${payload}.${"A".repeat(86)}`;
};

describe("a bad token", () => {
  it.each<[what: string, headers: (token: string) => Promise<Record<string, string>>]>([
    ["none", async () => ({ "api-key": "" })],
    ["malformed", async () => ({ "api-key": "aaa.bbb.ccc" })],
    ["forged", async (token) => ({ "api-key": forged(token) })],
    ["endless", async () => ({ "api-key": "a".repeat(9_000) })],
    ["in conflict", async (token) => ({ "api-key": token, authorization: "Bearer other" })],
  ])("(%s) reaches no ledger, no database, no queue and no model", async (_what, headersFor) => {
    const caller = await newCaller();
    const { used, azure, gateway } = await watchedGateway();
    const headers = { "cf-connecting-ip": newAddress(), ...(await headersFor(caller.token)) };
    const refused = await call(caller, gateway, { headers });
    expect(refused.status).toBe(401);
    const listed = await createDataPlane(async () => gateway).fetch(
      new Request("https://gateway.test/openai/v1/models", { headers }),
    );
    expect(listed.status).toBe(401);
    expect(used).toEqual([]);
    expect(azure.requests).toHaveLength(0);

    // The same watch sees a good token everywhere.
    expect((await call(caller, gateway)).status).toBe(200);
    expect(used.join(" ")).toMatch(/AGENT_LEDGER/);
    expect(azure.requests).toHaveLength(1);
  });

  it("is a 429 once its address sent too many; a good token from there passes, and so do other addresses", async () => {
    const caller = await newCaller();
    const { used, azure, gateway } = await watchedGateway();
    const address = newAddress();
    const bad = (from: string) =>
      call({ ...caller, token: "aaa.bbb.ccc" }, gateway, { headers: { "cf-connecting-ip": from } });
    const { answered, refused } = await flood(() => bad(address));
    expect(new Set(answered)).toEqual(new Set([401]));
    expect(refused.status).toBe(429);
    expect(refused.headers.get("retry-after")).toBe("60");
    expect(refused.headers.get("x-should-retry")).toBe("true");
    expect(await codeOf(refused)).toBe("too_many_bad_credentials");
    expect((await bad(newAddress())).status).toBe(401);
    expect(used).toEqual([]);

    const good = await call(caller, gateway, { headers: { "cf-connecting-ip": address } });
    expect(good.status).toBe(200);
    expect(azure.requests).toHaveLength(1);
  });
});

describe("a good token", () => {
  it("never asks the shield, whatever else is wrong with its call", async () => {
    const caller = await newCaller();
    const refusing = async () => {
      throw new Error("asked");
    };
    const shield = { knownFlood: () => null, refused: refusing };
    const azure = scriptedAzure(() => completion());
    expect((await call(caller, { azure, shield })).status).toBe(200);
    expect((await call({ ...caller, deployment: "none" }, { azure, shield })).status).toBe(404);
  });
});

describe("a bad API key", () => {
  it("costs a look-up until its address sent too many, then none, on both doors", async () => {
    const { composed, used, gateway } = await watchedGateway();
    const headers = {
      "x-api-key": mintApiKeyText((length) => crypto.getRandomValues(new Uint8Array(length))),
      "cf-connecting-ip": newAddress(),
      "content-type": "application/json",
    };
    const list = () =>
      composed.controlPlane.fetch(new Request("https://gateway.test/v1/agents", { headers }));
    const enforce = () =>
      createEnforceRoutes(async () => gateway).fetch(
        new Request("https://gateway.test/v1/enforce", { method: "POST", headers, body: "{}" }),
      );
    let turn = 0;
    const { answered } = await flood(() => (turn++ % 2 === 0 ? list() : enforce()));
    expect(new Set(answered)).toEqual(new Set([401]));
    expect(used.filter((use) => use === "PLATFORM_DB.prepare")).toHaveLength(answered.length + 1);

    used.length = 0;
    const refused = await list();
    expect(refused.status).toBe(429);
    expect(refused.headers.get("retry-after")).toBe("60");
    expect(await refused.json()).toMatchObject({ code: "too_many_bad_credentials" });
    expect((await enforce()).status).toBe(429);
    expect(used).toEqual([]);
  });
});

describe("unauthenticated requests", () => {
  it("are one record of the platform per minute, with the count of each code", async () => {
    const composed = await compose(env, background);
    const caller = { deployment: "gpt", token: "aaa.bbb.ccc" };
    const headers = { "cf-connecting-ip": newAddress() };
    // Frozen within a minute, so that no minute ends in between.
    const minuteMs = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS;
    vi.useFakeTimers({ toFake: ["Date"], now: minuteMs });
    try {
      for (let sent = 0; sent < 3; sent += 1) await call(caller, composed.gateway, { headers });
      await call({ ...caller, token: "" }, composed.gateway, { headers });
      await createDataPlane(async () => composed.gateway).fetch(
        new Request("https://gateway.test/openai/none"),
      );
      await composed.controlPlane.fetch(new Request("https://gateway.test/v1/agents", { headers }));
      vi.setSystemTime(minuteMs + MINUTE_MS);
      composed.flushCounts();
      await Promise.all(work.splice(0));
    } finally {
      vi.useRealTimers();
    }
    await vi.waitFor(async () => {
      const { items } = await admin("GET", "/v1/audit?tenant=platform");
      expect(items).toContainEqual(
        expect.objectContaining({
          kind: "unauthenticated",
          tenantId: "platform",
          source: expect.stringMatching(/^worker\//),
          n: 1,
          minute: new Date(minuteMs).toISOString(),
          counts: { token_malformed: 3, token_missing: 1, route_unknown: 1, api_key_missing: 1 },
        }),
      );
    }, 10_000);
  });

  it("are sent by the Worker's next request of a later minute, whatever that asks for", async () => {
    const ask = async (path: string) => {
      const context = createExecutionContext();
      const response = await worker.fetch(new Request(`https://gateway.test${path}`), env, context);
      await waitOnExecutionContext(context);
      return response.status;
    };
    // Frozen at a minute that no other test has reached.
    const minuteMs = Math.floor(Date.now() / MINUTE_MS + 60) * MINUTE_MS;
    vi.useFakeTimers({ toFake: ["Date"], now: minuteMs });
    try {
      expect(await ask("/openai/v1/models")).toBe(401);
      vi.setSystemTime(minuteMs + MINUTE_MS);
      expect(await ask("/v1/health")).toBe(200);
    } finally {
      vi.useRealTimers();
    }
    await vi.waitFor(async () => {
      const { items } = await admin("GET", "/v1/audit?tenant=platform");
      const minute = new Date(minuteMs).toISOString();
      expect(items).toContainEqual(
        expect.objectContaining({ kind: "unauthenticated", minute, counts: { token_missing: 1 } }),
      );
    }, 10_000);
  });

  it("wait for no queue: one that hangs holds up nothing", async () => {
    const hanging = { ...env.GLOBAL_AUDIT, send: () => new Promise<never>(() => {}) };
    const composed = await compose({ ...env, GLOBAL_AUDIT: hanging }, background);
    const caller = { deployment: "gpt", token: "aaa.bbb.ccc" };
    const refused = async () => (await call(caller, composed.gateway)).status;
    expect(await refused()).toBe(401);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + MINUTE_MS });
    try {
      composed.flushCounts();
      expect(await refused()).toBe(401);
    } finally {
      vi.useRealTimers();
    }
  });
});
