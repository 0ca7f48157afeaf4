// G3 through the real ledgers: leases, publish and wait, stale answers, and writes that nobody finished.
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { LEASE_GRANTOR_MARGIN_MS, PREPARE_MAX_MS } from "../../../src/kernel/limits.ts";
import type { ScopeAddress } from "../../../src/quota/ledgers.ts";
import {
  agentStub,
  agents,
  ask,
  callerOf,
  claim,
  config,
  newAgent,
  newTenant,
  reserve,
  reserved,
  scopeStub,
  tenants,
} from "./drive.ts";

const START = Date.parse("2030-05-05T12:00:00Z");
const LONGEST_WAIT_MS = config.leaseMs + LEASE_GRANTOR_MARGIN_MS;
let nowMs = START;

/** Never backwards, across tests: the platform's ledger is one object for the whole file. */
const pass = (ms: number) => {
  nowMs += ms;
  vi.setSystemTime(nowMs);
};

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: nowMs });
  pass(60_000);
});
afterEach(() => {
  vi.useRealTimers();
});

const global = <S extends ScopeAddress["scope"]>(scope: S) => ({ scope, home: "global" }) as const;

async function prepared(address: ScopeAddress): Promise<number> {
  const reply = await tenants.prepare(address);
  if (!reply.ok || reply.value.outcome !== "prepared") throw new Error(JSON.stringify(reply));
  return reply.value.revision;
}

async function published(address: ScopeAddress, revision: number): Promise<number> {
  const reply = await tenants.publish(address, revision);
  if (!reply.ok) throw new Error(reply.error.code);
  return reply.value.waitMs;
}

const voidOf = (scope: string, revision: number, db = env.GLOBAL_DB) =>
  db
    .prepare("SELECT void FROM revisions WHERE scope = ? AND revision = ?")
    .bind(scope, revision)
    .first<number>("void");

const insertRevision = (scope: string, revision: number, isVoid = 0) =>
  env.GLOBAL_DB.prepare("INSERT INTO revisions (scope, revision, void) VALUES (?, ?, ?)")
    .bind(scope, revision, isVoid)
    .run();

it("waits for an outstanding lease, and then no old snapshot is decided under", async () => {
  const tenant = global(newTenant());
  const who = await newAgent(tenant.scope);
  const old = { snapshot: { tenant: 0, platform: 1_000 } };
  await reserved(ask(who, [claim({})], old));
  const revision = await prepared(tenant);
  expect(revision).toBe(1);
  const waitMs = await published(tenant, revision);
  expect(waitMs).toBe(LONGEST_WAIT_MS);
  await reserved(ask(who, [claim({})], old));
  pass(waitMs);
  expect(await reserve(ask(who, [claim({})], old))).toMatchObject({
    outcome: "stale",
    revisions: { tenant: 1 },
  });
  const confirm = await agents.confirm({ v: 1, caller: callerOf(who), ...old });
  expect(confirm).toMatchObject({ ok: true, value: { outcome: "stale", revisions: { tenant: 1 } } });
  const current = await reserved(ask(who, [claim({})], { snapshot: { tenant: 1, platform: 1_000 } }));
  expect(current.revisions.tenant).toBe(1);
  expect(current.number.n).toBe(3);
});

it("waits for no lease where none is out, and remembers the wait of a publish that is repeated", async () => {
  const quiet = global(newTenant());
  expect(await published(quiet, await prepared(quiet))).toBe(0);
  const busy = global(newTenant());
  await reserved(ask(await newAgent(busy.scope), [claim({})]));
  const revision = await prepared(busy);
  const waitMs = await published(busy, revision);
  pass(100);
  await reserved(ask(await newAgent(busy.scope), [claim({})]));
  expect(await published(busy, revision)).toBe(waitMs - 100);
});

it("waits for the longest lease ever granted after a restart", async () => {
  const tenant = global(newTenant());
  await reserved(ask(await newAgent(tenant.scope), [claim({})]));
  await evictDurableObject(await scopeStub(tenant.scope));
  const revision = await prepared(tenant);
  expect(await published(tenant, revision)).toBe(LONGEST_WAIT_MS);
  pass(LONGEST_WAIT_MS);
  expect(await published(tenant, revision)).toBe(0);
});

it("makes a platform write wait for every tenant's leases, and then reach every agent", async () => {
  const who = await newAgent();
  const before = await reserved(ask(who, [claim({})]));
  pass(config.leaseMs / 4);
  const late = await newAgent(who.tenantId);
  await reserved(ask(late, [claim({})]));
  const platform = global("platform");
  const revision = await prepared(platform);
  expect(revision).toBe(before.revisions.platform + 1);
  const waitMs = await published(platform, revision);
  expect(waitMs).toBeGreaterThan(0);
  pass(waitMs);
  const snapshot = { tenant: 1_000, platform: before.revisions.platform };
  for (const agent of [who, late]) {
    expect(await reserve(ask(agent, [claim({})], { snapshot }))).toMatchObject({
      outcome: "stale",
      revisions: { platform: revision },
    });
  }
});

it("never grants a tenant's lease beyond the tenant's own", async () => {
  const tenant = await scopeStub(newTenant());
  const scope = newTenant();
  const grant = () => tenant.lease({ v: 1, scope, home: "global", slices: null, wantedMs: 0 });
  expect((await grant()).durationMs).toBe(config.leaseMs);
  pass(config.leaseMs * 0.4);
  expect((await grant()).durationMs).toBe(config.leaseMs * 0.6);
  pass(config.leaseMs * 0.2);
  expect((await grant()).durationMs).toBe(config.leaseMs);
});

it("prepares one write at a time", async () => {
  const tenant = global(newTenant());
  const revision = await prepared(tenant);
  const second = await tenants.prepare(tenant);
  expect(second).toMatchObject({ ok: true, value: { outcome: "busy" } });
  await published(tenant, revision);
  expect(await prepared(tenant)).toBe(revision + 1);
});

it("resolves a prepared write that never committed: a void row takes its number", async () => {
  const tenant = global(newTenant());
  const revision = await prepared(tenant);
  pass(PREPARE_MAX_MS);
  await evictDurableObject(await scopeStub(tenant.scope));
  await runDurableObjectAlarm(await scopeStub(tenant.scope));
  expect(await voidOf(tenant.scope, revision)).toBe(1);
  expect(await prepared(tenant)).toBe(revision + 1);
});

it("resolves a prepared write that had committed: its row stays", async () => {
  const tenant = global(newTenant());
  const revision = await prepared(tenant);
  await insertRevision(tenant.scope, revision);
  pass(PREPARE_MAX_MS);
  await runDurableObjectAlarm(await scopeStub(tenant.scope));
  expect(await voidOf(tenant.scope, revision)).toBe(0);
  expect(await published(tenant, revision)).toBe(0);
  expect(await prepared(tenant)).toBe(revision + 1);
});

it("resolves an overdue write when the next one prepares, and at once when asked to", async () => {
  const tenant = global(newTenant());
  const first = await prepared(tenant);
  pass(PREPARE_MAX_MS);
  const second = await prepared(tenant);
  expect(second).toBe(first + 1);
  expect(await voidOf(tenant.scope, first)).toBe(1);
  expect(await tenants.resolve(tenant, second)).toEqual({ ok: true, value: { waitMs: 0 } });
  expect(await tenants.resolve(tenant, second)).toEqual({ ok: true, value: { waitMs: 0 } });
  expect(await voidOf(tenant.scope, second)).toBe(1);
});

it("resolves the platform's writes in the platform's database, and refuses to publish what was not prepared", async () => {
  const platform = global("platform");
  const revision = await prepared(platform);
  await tenants.resolve(platform, revision);
  expect(await voidOf("platform", revision, env.PLATFORM_DB)).toBe(1);
  expect(await tenants.publish(platform, revision + 5)).toMatchObject({ ok: false });
});

it("takes up D1's revision after the loss of its storage, and waits for every lease it may have granted", async () => {
  const tenant = global(newTenant());
  await insertRevision(tenant.scope, 7);
  const who = await newAgent(tenant.scope);
  const old = { snapshot: { tenant: 7, platform: 1_000 } };
  await reserved(ask(who, [claim({})], old));
  const ledger = await scopeStub(tenant.scope);
  await runInDurableObject(ledger, (_, { storage }) => storage.deleteAll());
  await evictDurableObject(ledger);
  const revision = await prepared(tenant);
  expect(revision).toBe(8);
  // What it takes up is stored: neither the number nor the wait depends on this instance.
  await evictDurableObject(await scopeStub(tenant.scope));
  const waitMs = await published(tenant, revision);
  // Nobody knows how busy it was: leases may have been ten times as long.
  expect(waitMs).toBe(10 * config.leaseMs + LEASE_GRANTOR_MARGIN_MS);
  pass(waitMs);
  expect(await reserve(ask(who, [claim({})], old))).toMatchObject({
    outcome: "stale",
    revisions: { tenant: 8 },
  });
  expect(await prepared(tenant)).toBe(9);
});

it("counts a void row as taken when it takes up D1's revision, and takes up one only before its first write", async () => {
  const tenant = global(newTenant());
  await insertRevision(tenant.scope, 3, 1);
  const first = await prepared(tenant);
  expect(first).toBe(4);
  await published(tenant, first);
  await insertRevision(tenant.scope, 90);
  expect(await prepared(tenant)).toBe(5);
});

it("drops its lease when the clock steps back", async () => {
  const tenant = global(newTenant());
  const who = await newAgent(tenant.scope);
  const old = { snapshot: { tenant: 0, platform: 1_000 } };
  await reserved(ask(who, [claim({})], old));
  await published(tenant, await prepared(tenant));
  vi.setSystemTime(nowMs - 50);
  expect(await reserve(ask(who, [claim({})], old))).toMatchObject({ outcome: "stale" });
  await evictDurableObject(await agentStub(who));
});
