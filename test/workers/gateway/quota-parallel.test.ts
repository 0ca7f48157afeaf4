// Many calls at once against one limit, through the real gateway and ledgers: never one too many, never one too few.
import { beforeEach, expect, it, vi } from "vitest";
import { Chance } from "../../unit/quota/simulation/chance.ts";
import { admin, backend, call, completion, newCaller, scriptedAzure } from "./gateway-fixture.ts";
import {
  above,
  agentsOfTenant,
  type Caller,
  chatBody,
  pass,
  quiet,
  stored,
  storedBuckets,
  times,
  volley,
  watchLedgers,
} from "./quota-drive.ts";

await admin("POST", "/v1/deployments", {
  name: "priced",
  model: "gpt-4o-2024-11-20",
  maxOutputTokens: 1_000,
  backends: [backend],
});

const seed = 4_711;

vi.setConfig({ testTimeout: 60_000 });
beforeEach(() => pass(120_000));

const usageOf = (totalTokens: number) => ({
  prompt_tokens: 5,
  completion_tokens: totalTokens - 5,
  total_tokens: totalTokens,
});

it("500 calls of one agent against 100 a day", async () => {
  const caller = await newCaller({ maxRequestsPerDay: 100 });
  const { ledgers, over } = watchLedgers();
  const asks = times(500, () => ({ caller }));
  const { tally, requests } = await volley(asks, { overrides: { ledgers } });
  expect(tally).toEqual({ allowed: 100, request_quota_exceeded: 400 });
  expect(requests).toHaveLength(100);
  expect(over).toEqual([]);
  await quiet([caller]);
  expect(await stored(caller)).toEqual({ used: { "agent/requests/day": 100 }, ahead: 0, open: 0 });
});

it("tokens of calls that ask and use unequally: what is given back is used again, and no more", async () => {
  const chance = new Chance(seed);
  const limit = 20_000;
  const caller = await newCaller({ maxTokensPerDay: limit });
  const { ledgers, over, peaks } = watchLedgers();
  let billed = 0;
  const answer = ({ body }: { readonly body: unknown }) => {
    const { max_tokens } = JSON.parse(String(body)) as { max_tokens: number };
    const totalTokens = chance.between(5, 5 + max_tokens);
    billed += totalTokens;
    return completion(usageOf(totalTokens));
  };
  const waves: number[] = [];
  for (const wave of [200, 150, 150]) {
    const asks = times(wave, () => ({
      caller,
      options: { body: chatBody({ max_tokens: chance.between(1, 400) }) },
    }));
    const { tally } = await volley(asks, { answer, overrides: { ledgers } });
    expect((tally.allowed ?? 0) + (tally.token_quota_exceeded ?? 0), `seed ${seed}`).toBe(wave);
    waves.push(tally.allowed ?? 0);
  }
  expect(over, `seed ${seed}`).toEqual([]);
  // Each wave filled what was left to less than the largest ask, and the next one found what had not been used.
  expect(Math.max(...peaks.values())).toBeGreaterThan(limit - 600);
  expect(waves.every((allowed) => allowed > 0)).toBe(true);
  await quiet([caller]);
  expect(await stored(caller)).toEqual({ used: { "agent/tokens/day": billed }, ahead: 0, open: 0 });
  expect(billed).toBeLessThanOrEqual(limit);
});

it("500 calls of 20 agents against their tenant's 100 a day", async () => {
  const callers = await agentsOfTenant(await newCaller({}, { limits: { maxRequestsPerDay: 100 } }), 20);
  // Unequally many each, so that one of them gets less than it needs.
  const chance = new Chance(seed);
  const asks = times(500, () => ({ caller: chance.pick(callers as [Caller, ...Caller[]]) }));
  const { tally } = await volley(asks);
  expect(tally, `seed ${seed}`).toEqual({ allowed: 100, request_quota_exceeded: 400 });
  await quiet(callers);
  const [first] = callers;
  expect(first && (await above(first))).toEqual({ held: { "tenant/requests/day": 100 }, permits: 0 });
  const used = await Promise.all(
    callers.map(async (caller) => {
      const { used, ahead, open } = await stored(caller);
      expect({ ahead, open }).toEqual({ ahead: 0, open: 0 });
      return used["tenant/requests/day"] ?? 0;
    }),
  );
  expect(used.reduce((sum, each) => sum + each, 0)).toBe(100);
});

it.each([
  ["an agent's", { maxConcurrentRequests: 10 }, {}],
  ["a tenant's", {}, { limits: { maxConcurrentRequests: 10 } }],
])("%s calls under way at Azure: 10, while 30 keep on asking", async (_whose, constraints, tenant) => {
  const callers = await agentsOfTenant(await newCaller(constraints, tenant), "limits" in tenant ? 3 : 1);
  let underWay = 0;
  let most = 0;
  const azure = scriptedAzure(async () => {
    underWay += 1;
    most = Math.max(most, underWay);
    // Others get their turn.
    await new Promise((resolve) => setTimeout(resolve, 0));
    underWay -= 1;
    return completion();
  });
  const statuses: number[] = [];
  const keepAsking = async (index: number) => {
    for (let round = 0; round < 6; round += 1) {
      const caller = callers[index % callers.length];
      if (caller) statuses.push((await call(caller, { azure })).status);
    }
  };
  await Promise.all(times(30, keepAsking));
  expect(most).toBe(10);
  expect(new Set(statuses)).toEqual(new Set([200, 429]));
  expect(statuses.filter((status) => status === 200).length).toBeGreaterThan(10);
  await quiet(callers);
  for (const caller of callers) {
    const { used, open } = await stored(caller);
    expect([used["agent/concurrent/open"] ?? 0, open]).toEqual([0, 0]);
    expect((await above(caller)).permits).toBe(0);
  }
});

it.each([["maxCostPerDay"], ["maxCostPerMonth"]])("money by %s: as many as it pays for", async (name) => {
  const caller = { ...(await newCaller({ [name]: 0.05 })), deployment: "priced" };
  const { ledgers, over, peaks } = watchLedgers();
  const answer = () => completion({ prompt_tokens: 4, completion_tokens: 36, total_tokens: 40 });
  const asks = times(150, () => ({ caller, options: { body: chatBody({ max_tokens: 100 }) } }));
  const { tally } = await volley(asks, { answer, overrides: { ledgers } });
  const allowed = tally.allowed ?? 0;
  expect(tally).toEqual({ allowed, cost_quota_exceeded: 150 - allowed });
  expect(over).toEqual([]);
  // A call holds 100 tokens of output for 1.1 mUSD, and its prompt for less than 0.1 mUSD.
  const [peak] = peaks.values();
  expect(peak).toBeGreaterThan(50_000_000 - 1_200_000);
  await quiet([caller]);
  const { used, ahead, open } = await stored(caller);
  expect(Object.values(used)).toEqual([allowed * (4 * 2_750 + 36 * 11_000)]);
  expect([ahead, open]).toEqual([0, 0]);
});

it.each([
  ["end user", "user", (index: number) => ({ body: chatBody({ user: `user-${index}` }) })],
  ["address", "address", (index: number) => ({ headers: { "cf-connecting-ip": `192.0.2.${index}` } })],
])("each %s a quota of their own, all at once", async (_whose, quotaScope, optionsOf) => {
  const caller = await newCaller({ maxRequestsPerDay: 10, quotaScope });
  const asks = times(150, (index) => ({ caller, options: optionsOf(index % 6) }));
  const { tally } = await volley(asks);
  expect(tally).toEqual({ allowed: 60, request_quota_exceeded: 90 });
  await quiet([caller]);
  const buckets = await storedBuckets(caller);
  expect(buckets.map(({ used, ahead }) => [used, ahead])).toEqual(times(6, () => [10, 0]));
});
