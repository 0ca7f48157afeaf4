/** Snapshots from memory, KV and D1: never torn, never older than asked for, and never refused because a cache is ill. */
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import type { StartTimer } from "../../../src/kernel/clock.ts";
import { DEFAULT_TENANT, PLATFORM, TenantId } from "../../../src/kernel/ids.ts";
import { D1_READ_MAX_MS, KV_MAX_MS } from "../../../src/kernel/limits.ts";
import { createSnapshots, snapshotStatements } from "../../../src/policy/snapshots.store.ts";
import { policyOf } from "../../unit/policy/decide-fixture.ts";

const acme = { tenantId: TenantId.parse("acme"), home: "eu" } as const;

/** Counts what is asked of it; everything else is the real binding's. */
function counting<T extends object>(target: T) {
  const calls: string[] = [];
  const proxy = new Proxy(target, {
    get(real, name) {
      const value: unknown = Reflect.get(real, name);
      if (typeof value !== "function") return value;
      return (...args: unknown[]) => {
        calls.push(`${String(name)} ${typeof args[0] === "string" ? args[0] : ""}`.trim());
        return Reflect.apply(value, real, args);
      };
    },
  });
  return { calls, proxy };
}

const failing = <T extends object>(target: T): T =>
  new Proxy(target, {
    get: () => () => {
      throw new Error("unreachable");
    },
  });

/** A store that never answers. */
const silent = <T extends object>(target: T): T =>
  new Proxy(target, {
    get: (_, name) => (name === "prepare" ? () => ({ bind: () => ({}) }) : () => new Promise(() => {})),
  });

/** Time that has passed wherever this limit is set; the others never pass. */
const passed =
  (limitMs: number): StartTimer =>
  (ms, fire) => {
    if (ms === limitMs) queueMicrotask(fire);
    return () => {};
  };
const never: StartTimer = () => () => {};

interface Ill {
  readonly startTimer?: StartTimer;
  readonly kv?: KVNamespace;
  readonly db?: D1Database;
}

function newIsolate(ill: Ill = {}) {
  const background: Promise<unknown>[] = [];
  const eu = counting(ill.db ?? env.EU_DB);
  const snapshots = createSnapshots({
    platformDb: env.PLATFORM_DB,
    dbOf: (home) => (home === "eu" ? eu.proxy : env.GLOBAL_DB),
    kvOf: (home) => ill.kv ?? (home === "eu" ? env.EU_KV : env.GLOBAL_KV),
    background: (work) => background.push(work),
    startTimer: ill.startTimer ?? never,
  });
  return {
    snapshots,
    euReads: () => eu.calls.filter((call) => call === "batch").length,
    settled: () => Promise.all(background),
  };
}

async function writeTenant(name: string, revision: number): Promise<void> {
  await env.EU_DB.batch([
    env.EU_DB.prepare(
      "INSERT INTO tenants (id, document, updated_at) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET document = ?2",
    ).bind(
      acme.tenantId,
      JSON.stringify({ id: acme.tenantId, name, home: "eu" }),
      "2026-01-01T00:00:00.000Z",
    ),
    env.EU_DB.prepare("INSERT INTO revisions (scope, revision) VALUES (?1, ?2)").bind(
      acme.tenantId,
      revision,
    ),
  ]);
}

beforeEach(async () => {
  await env.EU_DB.batch([
    env.EU_DB.prepare("DELETE FROM tenants"),
    env.EU_DB.prepare("DELETE FROM revisions"),
  ]);
  for (const kv of [env.EU_KV, env.GLOBAL_KV]) {
    for (const { name } of (await kv.list()).keys) await kv.delete(name);
  }
});

const named = (result: Awaited<ReturnType<ReturnType<typeof createSnapshots>["load"]>>) =>
  result.ok ? [result.value.tenant.tenant.name, result.value.tenant.revision] : result.error.code;

describe("load", () => {
  it("reads D1 once, then answers from memory; a second isolate answers from KV", async () => {
    await writeTenant("Acme", 3);
    const first = newIsolate();
    expect(named(await first.snapshots.load(acme))).toEqual(["Acme", 3]);
    expect(named(await first.snapshots.load(acme))).toEqual(["Acme", 3]);
    expect(first.euReads()).toBe(1);
    await first.settled();
    const second = newIsolate();
    expect(named(await second.snapshots.load(acme))).toEqual(["Acme", 3]);
    expect(second.euReads()).toBe(0);
  });

  it("reads again when a ledger names a newer revision, and never answers with an older one", async () => {
    await writeTenant("Acme", 1);
    const isolate = newIsolate();
    await isolate.snapshots.load(acme);
    await isolate.settled();
    await writeTenant("Acme Ltd", 2);
    expect(named(await isolate.snapshots.load(acme))).toEqual(["Acme", 1]);
    expect(named(await isolate.snapshots.load(acme, { tenant: 2, platform: 0 }))).toEqual(["Acme Ltd", 2]);
    expect(named(await isolate.snapshots.load(acme, { tenant: 9, platform: 0 }))).toBe(
      "snapshot_unavailable",
    );
  });

  it("reads again for a revision that a caller names, and says where there is none", async () => {
    await writeTenant("Acme", 1);
    const isolate = newIsolate();
    await isolate.snapshots.load(acme);
    await writeTenant("Acme Ltd", 2);
    const under = (minRevision: number, atLeast?: { tenant: number; platform: number }) =>
      isolate.snapshots.load(acme, atLeast, minRevision);
    expect(named(await under(1))).toEqual(["Acme", 1]);
    expect(named(await under(2))).toEqual(["Acme Ltd", 2]);
    expect(named(await under(3))).toBe("revision_unknown");
    expect(named(await under(3, { tenant: 2, platform: 0 }))).toBe("revision_unknown");
    // A database behind its ledger is ill, whatever the caller named.
    expect(named(await under(3, { tenant: 3, platform: 0 }))).toBe("snapshot_unavailable");
    expect(named(await newIsolate({ db: failing(env.EU_DB) }).snapshots.load(acme, undefined, 9))).toBe(
      "snapshot_unavailable",
    );
    expect(named(await under(0))).toEqual(["Acme Ltd", 2]);
  });

  it("takes what is in KV under exactly the revision that was named", async () => {
    await writeTenant("Acme", 4);
    await newIsolate().snapshots.fill(acme.tenantId, "eu");
    const isolate = newIsolate();
    expect(named(await isolate.snapshots.load(acme, { tenant: 4, platform: 0 }))).toEqual(["Acme", 4]);
    expect(isolate.euReads()).toBe(0);
  });

  it("brings policies in shadow along, from D1 and from KV", async () => {
    await writeTenant("Acme", 1);
    const inShadow = policyOf({ scope: acme.tenantId, mode: "shadow" });
    await env.EU_DB.prepare("INSERT INTO policies (id, scope, document) VALUES (?1, ?2, ?3)")
      .bind(inShadow.id, inShadow.scope, JSON.stringify(inShadow))
      .run();
    for (const reads of [1, 0]) {
      const isolate = newIsolate();
      expect(await isolate.snapshots.load(acme)).toMatchObject({
        value: { tenant: { policies: [inShadow] } },
      });
      expect(isolate.euReads()).toBe(reads);
      await isolate.settled();
    }
    await env.EU_DB.exec("DELETE FROM policies");
  });

  it("does without a KV that is ill, or that holds nonsense", async () => {
    await writeTenant("Acme", 1);
    expect(named(await newIsolate({ kv: failing(env.EU_KV) }).snapshots.load(acme))).toEqual(["Acme", 1]);
    await env.EU_KV.put("snapshot/v1/acme/current", "1");
    await env.EU_KV.put("snapshot/v1/acme/1", '{"revision":1,"tenant":{}}');
    expect(named(await newIsolate().snapshots.load(acme))).toEqual(["Acme", 1]);
  });

  it("fails closed on a D1 that is ill and on a policy that cannot be read", async () => {
    await writeTenant("Acme", 1);
    expect(named(await newIsolate({ db: failing(env.EU_DB) }).snapshots.load(acme))).toBe(
      "snapshot_unavailable",
    );
    // It might have been a deny: skipping it would allow what somebody forbade.
    await env.EU_DB.prepare(
      "INSERT INTO policies (id, scope, document) VALUES ('broken', 'acme', '{}')",
    ).run();
    expect(named(await newIsolate().snapshots.load(acme))).toBe("snapshot_unavailable");
    await env.EU_DB.prepare("DELETE FROM policies").run();
  });

  it("does not wait for a KV that never answers, nor, for ever, for a D1", async () => {
    await writeTenant("Acme", 1);
    const noKv = newIsolate({ kv: silent(env.EU_KV), startTimer: passed(KV_MAX_MS) });
    expect(named(await noKv.snapshots.load(acme))).toEqual(["Acme", 1]);
    await noKv.settled();
    const noDb = newIsolate({ db: silent(env.EU_DB), startTimer: passed(D1_READ_MAX_MS) });
    await env.EU_KV.delete("snapshot/v1/acme/current");
    expect(named(await noDb.snapshots.load(acme))).toBe("snapshot_unavailable");
    await noDb.snapshots.fill(acme.tenantId, "eu");
  });

  it("takes nothing from KV that stands under another revision's name", async () => {
    await writeTenant("Acme", 1);
    await newIsolate().snapshots.fill(acme.tenantId, "eu");
    await env.EU_KV.put("snapshot/v1/acme/7", (await env.EU_KV.get("snapshot/v1/acme/1")) ?? "");
    await env.EU_KV.put("snapshot/v1/acme/current", "7");
    const isolate = newIsolate();
    expect(named(await isolate.snapshots.load(acme))).toEqual(["Acme", 1]);
    expect(isolate.euReads()).toBe(1);
  });

  it("knows the default tenant from the start, and no tenant that was never made", async () => {
    const { snapshots } = newIsolate();
    expect(named(await snapshots.load({ tenantId: DEFAULT_TENANT, home: "global" }))).toEqual([
      "Default tenant",
      0,
    ]);
    expect(named(await snapshots.load({ tenantId: TenantId.parse("nobody"), home: "global" }))).toBe(
      "tenant_unknown",
    );
  });
});

it("fill never fails a write", async () => {
  await newIsolate({ kv: failing(env.EU_KV) }).snapshots.fill(PLATFORM, "global");
  await newIsolate({ db: failing(env.EU_DB) }).snapshots.fill(acme.tenantId, "eu");
});

it("keeps a tenant's snapshot in its own home", async () => {
  await writeTenant("Acme", 1);
  const isolate = newIsolate();
  await isolate.snapshots.load(acme);
  await isolate.settled();
  const keys = (await env.GLOBAL_KV.list()).keys.map(({ name }) => name);
  expect(keys.filter((name) => name.includes("acme"))).toEqual([]);
});

it("takes a tenant of one home for no tenant of another, whatever it remembers", async () => {
  await writeTenant("Acme", 7);
  const { snapshots } = newIsolate();
  await snapshots.load(acme);
  const made = { id: acme.tenantId, name: "Acme anew", home: "global" };
  await env.GLOBAL_DB.prepare("INSERT INTO tenants (id, document, updated_at) VALUES (?1, ?2, ?3)")
    .bind(acme.tenantId, JSON.stringify(made), "2026-01-01T00:00:00.000Z")
    .run();
  const anew = await snapshots.load({ ...acme, home: "global" });
  expect(anew).toMatchObject({ ok: true, value: { tenant: { tenant: made, revision: 0 } } });
  expect(await snapshots.load(acme)).toMatchObject({ ok: true, value: { tenant: { revision: 7 } } });
});

it.each([
  ["revision", env.EU_DB],
  ["tenant", env.EU_DB],
  ["policies", env.EU_DB],
  ["policies", env.PLATFORM_DB],
  ["deployments", env.PLATFORM_DB],
] as const)("the statement for %s uses an index", async (name, db) => {
  const statement = snapshotStatements[name];
  const bound = statement.includes("?1") ? ["acme"] : [];
  const { results } = await db
    .prepare(`EXPLAIN QUERY PLAN ${statement}`)
    .bind(...bound)
    .all<{ detail: string }>();
  expect(results.length).toBeGreaterThan(0);
  for (const { detail } of results)
    expect(detail).toMatch(/^SEARCH .* USING (?:COVERING )?(?:INDEX|PRIMARY KEY)/);
});
