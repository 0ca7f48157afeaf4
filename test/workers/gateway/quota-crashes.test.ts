// Ledgers that leave memory, or die, while they are busy: what was promised still holds. Nothing above a limit; what
// is lost is charged, bounded and recorded; and a settlement for it changes nothing and says so.
import { beforeEach, expect, it, vi } from "vitest";
import type { AuditRecord, EpochForfeitedRecord } from "../../../src/audit/audit-record.ts";
import { RESERVATION_GRACE_MS } from "../../../src/kernel/limits.ts";
import { newCaller } from "./gateway-fixture.ts";
import {
  above,
  agentLedger,
  agentsOfTenant,
  alarms,
  config,
  crash,
  evict,
  hearLedger,
  pass,
  quiet,
  stored,
  storedBuckets,
  tenantLedger,
  times,
  volley,
  watchLedgers,
} from "./quota-drive.ts";

/** By then every reservation has run out. */
const LIFE_MS = config.relayMaxMs + RESERVATION_GRACE_MS + 1_000;

vi.setConfig({ testTimeout: 60_000 });
beforeEach(() => pass(120_000));

const forfeitedIn = (records: readonly AuditRecord[]) =>
  records.filter((record): record is EpochForfeitedRecord => record.kind === "epoch_forfeited");
const completionsIn = (records: readonly AuditRecord[]) =>
  records.flatMap((record) => (record.kind === "completion" ? [record] : []));
const sumOf = (counters: EpochForfeitedRecord["counters"], meter: string) =>
  counters.reduce((sum, { counter, amount }) => sum + (counter.includes(`/${meter}/`) ? amount : 0), 0);

it("300 calls against 100 a day, and three evictions on the way: exactly 100", async () => {
  const caller = await newCaller({ maxRequestsPerDay: 100 });
  const heard: AuditRecord[] = [];
  const { ledgers, over } = watchLedgers();
  const asks = times(300, () => ({ caller }));
  const evictions = new Set([20, 70, 95]);
  const reached = async (count: number) => {
    if (!evictions.has(count)) return;
    await evict(await agentLedger(caller));
    await hearLedger(caller, heard);
  };
  const { tally, requests, records } = await volley(asks, { reached, overrides: { ledgers } });
  expect(tally).toEqual({ allowed: 100, request_quota_exceeded: 200 });
  expect(requests).toHaveLength(100);
  expect(over).toEqual([]);
  await quiet([caller]);
  expect(await stored(caller)).toEqual({ used: { "agent/requests/day": 100 }, ahead: 0, open: 0 });
  // So few left that no chunk was charged: what was forfeited is what was under way, call by call.
  const completions = () => completionsIn([...records, ...heard]);
  await vi.waitFor(() => expect(completions()).toHaveLength(100));
  const forfeited = forfeitedIn(heard).flatMap(({ counters }) => counters);
  const unknown = completions().filter(({ ledger }) => ledger === "unknown");
  expect(unknown.length).toBeGreaterThan(0);
  expect(sumOf(forfeited, "requests")).toBe(unknown.length);
});

it("forfeits at most 1 % of what was left besides what was under way, and a record names it", async () => {
  const [requestLimit, tokenLimit] = [2_000, 400_000];
  const caller = await newCaller({ maxRequestsPerDay: requestLimit, maxTokensPerDay: tokenLimit });
  const heard: AuditRecord[] = [];
  const done = await volley(times(80, () => ({ caller })));
  expect(done.tally).toEqual({ allowed: 80 });
  const before = await storedBuckets(caller);
  expect(before.every(({ ahead }) => ahead > 0)).toBe(true);
  const { ledgers, open } = watchLedgers();
  let afterCrash: unknown;
  const held = async () => {
    const ahead = await storedBuckets(caller);
    // Two seconds later a ledger that starts is quiet.
    pass(2_000);
    await evict(await agentLedger(caller));
    await hearLedger(caller, heard);
    const underWay = [...open.values()].flat();
    for (const { counter, used, ahead: forfeited } of ahead) {
      const meter = counter.includes("/tokens/") ? "tokens" : "requests";
      const [limit, perCall] = meter === "tokens" ? [tokenLimit, 12] : [requestLimit, 1];
      const settled = 80 * perCall;
      const held = underWay.reduce((sum, claim) => sum + (claim.meter === meter ? claim.amount : 0), 0);
      expect(held).toBeGreaterThanOrEqual(20 * perCall);
      const lost = used + forfeited - settled - held;
      expect(lost).toBeGreaterThanOrEqual(0);
      expect(lost).toBeLessThanOrEqual((limit - settled) / 100);
    }
    afterCrash = await storedBuckets(caller);
    // What had been charged stays charged, all of it.
    expect(afterCrash).toEqual(ahead.map((row) => ({ ...row, used: row.used + row.ahead, ahead: 0 })));
    await alarms([caller]);
    const counters = ahead.map(({ counter, bucket, ahead: amount }) => ({ counter, bucket, amount }));
    expect(forfeitedIn(heard)).toMatchObject([{ agentId: caller.agentId, counters, more: 0 }]);
  };
  const asks = times(20, () => ({ caller }));
  const { tally, records } = await volley(asks, { overrides: { ledgers }, held });
  expect(tally).toEqual({ allowed: 20 });
  // They settle too late: nothing is charged twice, and nothing that nobody can prove is given back.
  await quiet([caller]);
  expect(await storedBuckets(caller)).toEqual(afterCrash);
  const late = () => completionsIn([...records, ...heard]);
  await vi.waitFor(() => expect(late()).toHaveLength(20));
  for (const record of late()) expect(record).toMatchObject({ ledger: "unknown", chargedTokens: null });
});

it.each([
  ["are evicted", 60, 100, evict],
  // Calls in flight fail here, and nobody knows which of them were charged.
  ["crash", 12, 40, crash],
] as const)(
  "5 agents against one limit of their tenant, and ledgers that %s: never over, all of it usable",
  async (_how, each, limit, end) => {
    const callers = await agentsOfTenant(await newCaller({}, { limits: { maxRequestsPerDay: limit } }), 5);
    const [first, second] = callers;
    if (!first || !second) throw new Error("There are five.");
    const asks = times(each, () => callers.map((caller) => ({ caller }))).flat();
    const { ledgers, over } = watchLedgers();
    const reached = async (count: number) => {
      if (count === 10) await end(await agentLedger(first));
      if (count === 15) await end(await tenantLedger(first));
      if (count === 20) await end(await agentLedger(second));
    };
    const { tally, requests } = await volley(asks, { reached, overrides: { ledgers } });
    expect(requests.length).toBeLessThanOrEqual(limit);
    expect(tally.allowed).toBe(requests.length);
    const told = (tally.request_quota_exceeded ?? 0) + (tally.ledger_unavailable ?? 0);
    expect(told + requests.length, JSON.stringify(tally)).toBe(each * 5);
    expect(over).toEqual([]);
    // What no agent holds any more comes back: the rest can be used, to the last call.
    await quiet(callers, LIFE_MS);
    await volley(asks, { overrides: { ledgers } });
    await quiet(callers);
    let used = 0;
    for (const caller of callers) {
      const counted = await stored(caller);
      expect([counted.ahead, counted.open]).toEqual([0, 0]);
      used += counted.used["tenant/requests/day"] ?? 0;
    }
    expect(used).toBe(limit);
    expect((await above(first)).held).toEqual({ "tenant/requests/day": limit });
    expect(over).toEqual([]);
  },
);

it.each([
  ["an agent's", { maxConcurrentRequests: 8 }, {}],
  ["a tenant's", {}, { limits: { maxConcurrentRequests: 8 } }],
])("%s calls under way are still known after an eviction", async (_whose, constraints, tenant) => {
  const callers = await agentsOfTenant(await newCaller(constraints, tenant), "limits" in tenant ? 2 : 1);
  const [first] = callers;
  if (!first) throw new Error("There is one.");
  let firstWave = 0;
  const held = async () => {
    await evict(await agentLedger(first));
    await evict(await tenantLedger(first));
    const again = await volley(times(20, (index) => ({ caller: callers[index % callers.length] ?? first })));
    firstWave = again.requests.length;
  };
  const asks = times(40, (index) => ({ caller: callers[index % callers.length] ?? first }));
  const reached = async (count: number) => count === 4 && evict(await agentLedger(first));
  const { requests } = await volley(asks, { reached, held });
  expect(requests.length).toBeGreaterThanOrEqual(4);
  expect(requests.length + firstWave).toBeLessThanOrEqual(8);
  await quiet(callers, LIFE_MS);
  for (const caller of callers) {
    const { used, open } = await stored(caller);
    expect([used["agent/concurrent/open"] ?? 0, open]).toEqual([0, 0]);
  }
});
