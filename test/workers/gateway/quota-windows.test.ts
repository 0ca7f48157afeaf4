// Limits over the edges of their windows, through the real gateway: a new day is a new budget and the old one's calls
// stay the old one's; in no 60 seconds is ever more admitted than a minute's limit. Dates are chosen, each burst is
// all at once.
import { beforeEach, expect, it, vi } from "vitest";
import { Chance } from "../../unit/quota/simulation/chance.ts";
import { newCaller } from "./gateway-fixture.ts";
import {
  above,
  agentsOfTenant,
  type Caller,
  pass,
  quiet,
  setTime,
  storedBuckets,
  times,
  volley,
} from "./quota-drive.ts";

const seed = 1_912;

vi.setConfig({ testTimeout: 60_000 });
beforeEach(() => pass(120_000));

const dayBefore = (day: number) => Date.UTC(2030, 5, day) / 86_400_000 - 1;
/** What was used per day by the calls of all these agents. */
async function usedByDay(callers: readonly Caller[], counter: string): Promise<Map<number, number>> {
  const used = new Map<number, number>();
  for (const row of (await Promise.all(callers.map(storedBuckets))).flat()) {
    expect(row.ahead).toBe(0);
    if (row.counter.endsWith(counter)) used.set(row.bucket, (used.get(row.bucket) ?? 0) + row.used);
  }
  return used;
}

/** The clock moves on as soon as 40 calls are under way. */
function turn(to: string) {
  const turned = Promise.withResolvers<void>();
  const reached = (count: number) => {
    if (count !== 40) return;
    setTime(to);
    turned.resolve();
  };
  return { after: turned.promise, reached };
}

it("a day that ends while 300 calls come in: as many as each day allows, each counted in its own", async () => {
  setTime("2030-06-01T23:59:59.900Z");
  const caller = await newCaller({ maxRequestsPerDay: 60, maxTokensPerDay: 1_000_000 });
  const { after, reached } = turn("2030-06-02T00:00:00.050Z");
  const asks = times(300, (index) => ({ caller, after: index < 100 ? undefined : after }));
  const { tally } = await volley(asks, { reached });
  // All of them are settled on the second day.
  await quiet([caller]);
  const requests = await usedByDay([caller], "/requests/day");
  const [first = 0, second] = [requests.get(dayBefore(2)), requests.get(dayBefore(3))];
  expect(first).toBeGreaterThanOrEqual(40);
  expect(first).toBeLessThanOrEqual(60);
  expect(second).toBe(60);
  expect(tally).toEqual({ allowed: first + 60, request_quota_exceeded: 240 - first });
  const tokens = await usedByDay([caller], "/tokens/day");
  expect([tokens.get(dayBefore(2)), tokens.get(dayBefore(3))]).toEqual([first * 12, 60 * 12]);
});

it("a tenant's day that ends while its 2 agents hold slices of it: no slice outlives its day", async () => {
  setTime("2030-06-03T23:59:59.000Z");
  const callers = await agentsOfTenant(await newCaller({}, { limits: { maxRequestsPerDay: 300 } }), 2);
  const asks = (count: number) => times(count, () => callers.map((caller) => ({ caller }))).flat();
  // The next lease brings slices that are as large as these calls make likely, and hardly anything of them is spent.
  expect((await volley(asks(30))).tally).toEqual({ allowed: 60 });
  pass(600);
  expect((await volley(asks(1))).tally).toEqual({ allowed: 2 });
  const [one] = callers;
  expect(one && (await above(one)).held["tenant/requests/day"]).toBeGreaterThan(62);
  // Sooner than those leases end.
  setTime("2030-06-04T00:00:00.050Z");
  const { tally } = await volley(asks(200));
  expect(tally.allowed).toBeLessThanOrEqual(300);
  // What one agent has left of its slice is everybody's again when its lease is over.
  await quiet(callers);
  const rest = await volley(asks(20));
  expect((tally.allowed ?? 0) + (rest.tally.allowed ?? 0)).toBe(300);
  await quiet(callers);
  const used = await usedByDay(callers, "/requests/day");
  expect([used.get(dayBefore(4)), used.get(dayBefore(5))]).toEqual([62, 300]);
});

const LIMIT = 30;
/** What was admitted when. */
interface Admitted {
  readonly atMs: number;
  readonly count: number;
}
const inLast60Seconds = (admitted: readonly Admitted[], nowMs: number) =>
  admitted.reduce((sum, { atMs, count }) => (nowMs - atMs < 60_000 ? sum + count : sum), 0);
/** A second's calls count until its last moment is 60 s old. */
const countsStill = ({ atMs }: Admitted, nowMs: number) =>
  nowMs < (Math.floor(atMs / 1_000) + 1) * 1_000 + 60_000;

const codes = { requests: "request_rate_exceeded", tokens: "token_rate_exceeded" };

it.each(["requests", "tokens"] as const)("%s of a sliding minute are exact at every step", async (meter) => {
  const chance = new Chance(seed);
  // Every call reserves what it then uses.
  const body = JSON.stringify({ messages: [{ role: "user", content: "Hello" }], max_tokens: 50 });
  const perCall = await tokensOf(body);
  const caller = await newCaller(
    meter === "requests" ? { maxRequestsPerMinute: LIMIT } : { maxTokensPerMinute: LIMIT * perCall },
  );
  const answer = () => new Response('{"choices":[]}', { headers: { "content-type": "application/json" } });
  const admitted: Admitted[] = [];
  for (let step = 0; step < 16; step += 1) {
    pass(chance.between(100, 15_000));
    const nowMs = Date.now();
    const wanted = chance.between(1, 20);
    const counting = admitted.filter((each) => countsStill(each, nowMs));
    const count = Math.min(wanted, LIMIT - counting.reduce((sum, each) => sum + each.count, 0));
    const { tally } = await volley(
      times(wanted, () => ({ caller, options: { body } })),
      { answer },
    );
    expect([tally.allowed ?? 0, tally[codes[meter]] ?? 0], `seed ${seed}, step ${step}`).toEqual([
      count,
      wanted - count,
    ]);
    admitted.push({ atMs: nowMs, count });
    expect(inLast60Seconds(admitted, nowMs)).toBeLessThanOrEqual(LIMIT);
  }
  // Of which some were refused and some found room again.
  expect(admitted.some(({ count }) => count === 0)).toBe(true);
  expect(admitted.reduce((sum, { count }) => sum + count, 0)).toBeGreaterThan(LIMIT);
});

/** What a call reserves, and is charged if Azure does not say what it used. */
async function tokensOf(body: string): Promise<number> {
  const caller = await newCaller({ maxTokensPerDay: 1_000_000 });
  const answer = () => new Response('{"choices":[]}', { headers: { "content-type": "application/json" } });
  await volley([{ caller, options: { body } }], { answer });
  const [row] = await storedBuckets(caller);
  return row?.used ?? 0;
}

it("a tenant's sliding minute, shared by 4 agents: never over, and all of it usable again", async () => {
  const chance = new Chance(seed);
  const callers = await agentsOfTenant(await newCaller({}, { limits: { maxRequestsPerMinute: LIMIT } }), 4);
  const admitted: Admitted[] = [];
  const burst = async (wanted: number) => {
    const asks = times(wanted, () => ({ caller: chance.pick([callers[0] as Caller, ...callers.slice(1)]) }));
    const { tally } = await volley(asks);
    const count = tally.allowed ?? 0;
    expect(count + (tally.request_rate_exceeded ?? 0), `seed ${seed}`).toBe(wanted);
    admitted.push({ atMs: Date.now(), count });
    expect(inLast60Seconds(admitted, Date.now()), `seed ${seed}`).toBeLessThanOrEqual(LIMIT);
    return count;
  };
  for (let step = 0; step < 14; step += 1) {
    pass(chance.between(100, 15_000));
    await burst(chance.between(1, 20));
  }
  pass(62_000);
  expect(await burst(2 * LIMIT), `seed ${seed}`).toBe(LIMIT);
});
