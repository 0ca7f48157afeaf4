// What the ledgers do on their own: expire, record, repeat, purge. Dates are chosen; alarms are run by hand.
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { AuditRecord } from "../../../src/audit/audit-record.ts";
import type { TenantId } from "../../../src/kernel/ids.ts";
import {
  ENFORCE_RESERVATION_MS,
  RELAY_RESERVATION_MS,
  RESERVATION_GRACE_MS,
  RESERVATION_MEMORY_MS,
} from "../../../src/kernel/limits.ts";
import { TenantLedger } from "../../../src/quota/tenant-ledger.object.ts";
import {
  agentStub,
  agents,
  ask,
  callerOf,
  claim,
  config,
  ids,
  newAgent,
  newTenant,
  reserve,
  reserved,
  scopeStub,
  settle,
  used,
  type Who,
} from "./drive.ts";

const NOON = Date.parse("2030-05-05T12:00:00Z");
const RELAY_LIFE_MS = RELAY_RESERVATION_MS;
/** As long as a relay can be under way. */
const PERMIT_LIFE_MS = config.relayMaxMs + RESERVATION_GRACE_MS;

let sent: AuditRecord[] = [];
let queueFails = false;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: NOON });
  sent = [];
  queueFails = false;
});
afterEach(() => {
  vi.useRealTimers();
});

const at = (ms: number) => vi.setSystemTime(NOON + ms);

/** Puts a queue that the test can read in the place of the ledger's own. */
async function watchQueue(who: Who) {
  const send = async (record: unknown) => {
    if (queueFails) throw new Error("The queue is down.");
    sent.push(AuditRecord.parse(record));
  };
  await runInDurableObject(await agentStub(who), (ledger) => {
    Reflect.set(ledger, "env", { ...env, GLOBAL_AUDIT: { send } });
  });
}

const rows = async (who: Who, query: string) =>
  runInDurableObject(await agentStub(who), (_, state) => state.storage.sql.exec(query).toArray());

const counters = (who: Who) => rows(who, "SELECT used, ahead FROM counter_buckets ORDER BY counter");

/** What the tenant counts as held by its agents, and how many calls it knows to be under way. */
const above = (tenantId: TenantId) =>
  scopeStub(tenantId).then((stub) =>
    runInDurableObject(stub, (_, state) => ({
      held: state.storage.sql.exec("SELECT counter, held FROM holds").toArray(),
      permits: state.storage.sql.exec("SELECT id FROM permits").toArray().length,
    })),
  );

const alarmAt = async (who: Who) =>
  runInDurableObject(await agentStub(who), (_, state) => state.storage.getAlarm());

it("charges an abandoned relay in full and records it with its decision's number", async () => {
  const who = await newAgent();
  await watchQueue(who);
  const claims = [claim({}), claim({ meter: "tokens", limit: 500, amount: 100 })];
  const { decisionId, number } = await reserved(ask(who, claims));
  expect(await alarmAt(who)).toBe(NOON + RELAY_LIFE_MS);
  at(RELAY_LIFE_MS);
  expect(await runDurableObjectAlarm(await agentStub(who))).toBe(true);
  expect(await counters(who)).toEqual([
    { used: 1, ahead: 0 },
    { used: 100, ahead: 0 },
  ]);
  expect(sent).toMatchObject([
    {
      kind: "abandoned",
      reason: "abandoned",
      decisionId,
      decisionNumber: number.n,
      source: number.source,
      n: number.n + 1,
      agentId: who.agentId,
      tenantId: who.tenantId,
      chargedTokens: 100,
    },
  ]);
});

it("records an unreported enforce after its own time, and only that", async () => {
  const who = await newAgent();
  await watchQueue(who);
  const { decisionId } = await reserved(ask(who, [claim({})], { purpose: "enforce" }));
  at(ENFORCE_RESERVATION_MS - 1);
  await reserved(ask(who, [claim({})]));
  await runDurableObjectAlarm(await agentStub(who));
  expect(sent).toEqual([]);
  at(ENFORCE_RESERVATION_MS);
  await runDurableObjectAlarm(await agentStub(who));
  expect(sent).toMatchObject([{ kind: "abandoned", reason: "unreported", decisionId }]);
  expect(await counters(who)).toEqual([{ used: 2, ahead: 0 }]);
});

it("does not expire what was settled, and is armed again for the next deadline", async () => {
  const who = await newAgent();
  await watchQueue(who);
  const first = await reserved(ask(who, [claim({})]));
  await settle(who, first.reservationId, used(1));
  at(1_000);
  await reserved(ask(who, [claim({})]));
  at(RELAY_LIFE_MS);
  await runDurableObjectAlarm(await agentStub(who));
  expect(sent).toEqual([]);
  expect(await alarmAt(who)).toBe(NOON + 1_000 + RELAY_LIFE_MS);
});

it("corrects the counters when a settlement comes after expiry, in the window of the reservation", async () => {
  const who = await newAgent();
  await watchQueue(who);
  const claims = [claim({ meter: "tokens", limit: 500, amount: 100 })];
  const { reservationId } = await reserved(ask(who, claims));
  at(RELAY_LIFE_MS + 1);
  expect(await settle(who, reservationId, used(30))).toMatchObject({
    outcome: "corrected",
    chargedTokens: 30,
  });
  expect(await counters(who)).toEqual([{ used: 30, ahead: 0 }]);
  expect(await settle(who, reservationId, used(40))).toMatchObject({
    outcome: "repeated",
    chargedTokens: 30,
  });
  await runDurableObjectAlarm(await agentStub(who));
  expect(sent).toMatchObject([{ kind: "abandoned", chargedTokens: 100 }]);
});

it("keeps an undeliverable record, with back-off, until the queue takes it", async () => {
  const who = await newAgent();
  await watchQueue(who);
  queueFails = true;
  await reserved(ask(who, [claim({})]));
  at(RELAY_LIFE_MS);
  await runDurableObjectAlarm(await agentStub(who));
  expect(sent).toEqual([]);
  const retryAt = await alarmAt(who);
  expect(retryAt).toBeGreaterThan(NOON + RELAY_LIFE_MS);
  await evictDurableObject(await agentStub(who));
  await watchQueue(who);
  queueFails = false;
  at((retryAt ?? 0) - NOON);
  await runDurableObjectAlarm(await agentStub(who));
  expect(sent).toMatchObject([{ kind: "abandoned" }]);
  expect(await rows(who, "SELECT key FROM outbox")).toEqual([]);
});

it("delivers a record it was given to keep, once", async () => {
  const who = await newAgent();
  await watchQueue(who);
  const record = AuditRecord.parse({
    v: 1,
    kind: "change",
    source: "control-plane",
    n: 7,
    at: new Date(NOON).toISOString(),
    home: "global",
    tenantId: who.tenantId,
    requestId: "request-1",
    actor: "key",
    operation: "policy.create",
    objectId: "policy",
    revision: 1,
  });
  expect(await agents.keepRecord(who, record)).toEqual({ ok: true, value: null });
  await agents.keepRecord(who, record);
  at(1_000);
  await runDurableObjectAlarm(await agentStub(who));
  at(10_000);
  await runDurableObjectAlarm(await agentStub(who));
  expect(sent).toEqual([record]);
});

const concurrent = (limit: number) => claim({ scope: "tenant", meter: "concurrent", window: "open", limit });

it("reports what it used of the tenant's budget until the tenant has heard it", async () => {
  const tenantId = newTenant();
  const who = await newAgent(tenantId);
  const claims = [claim({ scope: "tenant", meter: "tokens", limit: 100, amount: 100 })];
  const { reservationId } = await reserved(ask(who, claims));
  const counter = "policy:p/tenant/tokens/day";
  await settle(who, reservationId, used(10));
  expect(await above(tenantId)).toMatchObject({ held: [{ counter, held: 100 }] });
  await runInDurableObject(await scopeStub(tenantId), (ledger) => {
    Reflect.set(ledger, "lease", () => Promise.reject(new Error("down")));
  });
  at(config.leaseMs);
  await runDurableObjectAlarm(await agentStub(who));
  expect(await above(tenantId)).toMatchObject({ held: [{ counter, held: 100 }] });
  const retryAtMs = (await alarmAt(who)) ?? 0;
  expect(retryAtMs).toBeGreaterThan(NOON + config.leaseMs);
  await evictDurableObject(await scopeStub(tenantId));
  await evictDurableObject(await agentStub(who));
  vi.setSystemTime(retryAtMs);
  await runDurableObjectAlarm(await agentStub(who));
  expect(await above(tenantId)).toMatchObject({ held: [{ counter, held: 10 }] });
});

it("repeats the end of a tenant-wide call until it is acknowledged", async () => {
  const tenantId = newTenant();
  const who = await newAgent(tenantId);
  const { reservationId } = await reserved(ask(who, [concurrent(1)]));
  expect(await reserve(ask(who, [concurrent(1)]))).toMatchObject({
    refusal: { code: "concurrency_exceeded", retryAfterSeconds: 1 },
  });
  const tenant = await scopeStub(tenantId);
  await runInDurableObject(tenant, (ledger) => {
    Reflect.set(ledger, "settle", () => Promise.reject(new Error("down")));
  });
  expect(await settle(who, reservationId, used(10))).toMatchObject({ outcome: "settled" });
  expect(await above(tenantId)).toMatchObject({ permits: 1 });
  await evictDurableObject(tenant);
  at(60_000);
  await runDurableObjectAlarm(await agentStub(who));
  expect(await above(tenantId)).toMatchObject({ permits: 0 });
  expect(await rows(who, "SELECT key FROM outbox")).toEqual([]);
  await reserved(ask(who, [concurrent(1)]));
});

it("lets a tenant-wide call run out in the tenant's ledger", async () => {
  const tenantId = newTenant();
  const who = await newAgent(tenantId);
  await reserved(ask(who, [concurrent(1)]));
  at(PERMIT_LIFE_MS - 1);
  await runDurableObjectAlarm(await scopeStub(tenantId));
  expect(await above(tenantId)).toMatchObject({ permits: 1 });
  at(PERMIT_LIFE_MS);
  await runDurableObjectAlarm(await scopeStub(tenantId));
  expect(await above(tenantId)).toMatchObject({ permits: 0 });
});

it("ends an abandoned tenant-wide call in the tenant's ledger long before it would run out there", async () => {
  const tenantId = newTenant();
  const who = await newAgent(tenantId);
  await watchQueue(who);
  await reserved(ask(who, [concurrent(1)]));
  at(RELAY_LIFE_MS);
  await runDurableObjectAlarm(await agentStub(who));
  expect(await above(tenantId)).toMatchObject({ permits: 0 });
  expect(await rows(who, "SELECT key FROM outbox")).toEqual([]);
  await reserved(ask(who, [concurrent(1)]));
});

it("keeps a renewed call through evictions, under a lease of its own time", async () => {
  const tenantId = newTenant();
  const who = await newAgent(tenantId);
  const { reservationId } = await reserved(ask(who, [claim({}), concurrent(1)]));
  const renewal = () => agents.renew({ v: 1, caller: callerOf(who), reservationId });
  for (const laterMs of [60_000, 120_000, 180_000]) {
    at(laterMs);
    expect(await renewal()).toMatchObject({ ok: true, value: { outcome: "renewed" } });
    await evictDurableObject(await agentStub(who));
  }
  await watchQueue(who);
  expect(await above(tenantId)).toMatchObject({ permits: 1 });
  expect(await settle(who, reservationId, used(1))).toMatchObject({ outcome: "settled" });
  expect(await renewal()).toMatchObject({ ok: true, value: { outcome: "unknown" } });
  expect(await above(tenantId)).toMatchObject({ permits: 0 });
});

it("renews nothing without a lease", async () => {
  const tenantId = newTenant();
  const who = await newAgent(tenantId);
  const { reservationId } = await reserved(ask(who, [claim({})]));
  await runInDurableObject(await scopeStub(tenantId), (ledger) => {
    Reflect.set(ledger, "lease", () => Promise.reject(new Error("down")));
  });
  at(config.leaseMs);
  expect(await agents.renew({ v: 1, caller: callerOf(who), reservationId })).toMatchObject({
    ok: false,
    error: { code: "ledger_unavailable" },
  });
});

it("holds nothing when the tenant's ledger cannot be reached", async () => {
  const tenantId = newTenant();
  const who = await newAgent(tenantId);
  const claims = [claim({ limit: 1 }), concurrent(5)];
  await runInDurableObject(await scopeStub(tenantId), (ledger) => {
    Reflect.set(ledger, "reserve", () => Promise.reject(new Error("down")));
  });
  expect(await agents.reserve(ask(who, claims))).toMatchObject({
    ok: false,
    error: { code: "ledger_unavailable" },
  });
  expect(await counters(who)).toEqual([]);
  await evictDurableObject(await scopeStub(tenantId));
  expect(await reserved(ask(who, claims))).toMatchObject({ number: { n: 1 } });
});

it("decides again on agent state that changed while the tenant's ledger was asked", async () => {
  const tenantId = newTenant();
  const who = await newAgent(tenantId);
  const real = TenantLedger.prototype.reserve;
  const spy = vi.spyOn(TenantLedger.prototype, "reserve").mockImplementationOnce(async function (
    this: TenantLedger,
    request,
  ) {
    await agents.putAgentState({ v: 1, ...who, version: 2, status: "disabled" });
    return real.call(this, request);
  });
  const reply = await reserve(ask(who, [claim({}), concurrent(5)]));
  expect(reply).toMatchObject({ outcome: "refused", refusal: { code: "agent_disabled" } });
  expect(spy).toHaveBeenCalledOnce();
  spy.mockRestore();
  expect(await counters(who)).toEqual([]);
  expect(await above(tenantId)).toMatchObject({ permits: 0 });
});

it("starts a new day at zero, settles yesterday's call yesterday, and purges what has ended", async () => {
  const who = await newAgent();
  await watchQueue(who);
  const late = Date.parse("2030-05-05T23:59:59Z") - NOON;
  at(late);
  const claims = [claim({ limit: 1 })];
  const { reservationId, limits } = await reserved(ask(who, claims));
  expect(limits[0]?.resetsAtMs).toBe(Date.parse("2030-05-06T00:00:00Z"));
  expect(await reserve(ask(who, claims))).toMatchObject({ refusal: { retryAfterSeconds: 1 } });
  at(late + 2_000);
  const next = await reserved(ask(who, claims));
  await settle(who, reservationId, used(1));
  const today = Math.floor((NOON + late + 2_000) / 86_400_000);
  expect(await rows(who, "SELECT bucket, used FROM counter_buckets ORDER BY bucket")).toEqual([
    { bucket: today - 1, used: 1 },
    { bucket: today, used: 1 },
  ]);
  await settle(who, next.reservationId, used(1));
  at(late + 2_000 + RESERVATION_MEMORY_MS);
  await runDurableObjectAlarm(await agentStub(who));
  expect(await rows(who, "SELECT bucket FROM counter_buckets")).toEqual([{ bucket: today }]);
  expect(await rows(who, "SELECT id FROM open_reservations UNION SELECT id FROM ended_reservations")).toEqual(
    [],
  );
});

it("forgets a refreshed token a minute after its end, though its agent does nothing else", async () => {
  const who = await newAgent();
  const expiresAtSeconds = NOON / 1_000 + 900;
  const refresh = (expiresAtSeconds: number) => {
    const { caller, snapshot } = ask(who, []);
    const successor = { tokenId: ids.token(), issuedAtSeconds: 0, expiresAtSeconds: expiresAtSeconds + 1 };
    return agents.refresh({ v: 1, caller, snapshot, proof: null, expiresAtSeconds, successor });
  };
  const kept = async () => (await rows(who, "SELECT id FROM refreshed_tokens")).length;
  const untilMs = (seconds: number) => seconds * 1_000 + 60_000;
  for (const seconds of [expiresAtSeconds, expiresAtSeconds + 100])
    expect(await refresh(seconds)).toMatchObject({ value: { outcome: "refreshed" } });
  for (const [seconds, left] of [
    [expiresAtSeconds, 1],
    [expiresAtSeconds + 100, 0],
  ] as const) {
    expect(await alarmAt(who)).toBe(untilMs(seconds));
    at(untilMs(seconds) - NOON);
    await runDurableObjectAlarm(await agentStub(who));
    expect(await kept()).toBe(left);
  }
});

it("forgets a request id after ten minutes", async () => {
  const who = await newAgent();
  const idempotency = { requestId: "r", askHash: "h" };
  const enforce = () => reserved(ask(who, [claim({})], { purpose: "enforce", idempotency }));
  await enforce();
  at(599_999);
  expect(await enforce()).toMatchObject({ replayed: true });
  at(600_000);
  expect(await enforce()).toMatchObject({ replayed: false });
});
