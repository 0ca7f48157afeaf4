// One agent's ledger through the real Durable Object: never over, agent state, idempotency, numbers.
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { reservationOf } from "../../../src/kernel/ids.ts";
import type { ReserveReply } from "../../../src/quota/contracts.ts";
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
  settle,
  tenants,
  used,
  type Who,
} from "./drive.ts";

// The clock stands still, so that a busy machine does not let leases of 200 ms run out between question and answer.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.parse("2030-05-05T12:00:00Z") });
});
afterEach(() => {
  vi.useRealTimers();
});

const outcomes = (replies: readonly ReserveReply[], outcome: ReserveReply["outcome"]) =>
  replies.filter((reply) => reply.outcome === outcome);

const codeOf = (reply: ReserveReply) => (reply.outcome === "refused" ? reply.refusal.code : reply.outcome);

const countersOf = async (who: Who) =>
  runInDurableObject(await agentStub(who), (_, state) =>
    state.storage.sql
      .exec("SELECT counter, used FROM counter_buckets WHERE used > 0 ORDER BY counter")
      .toArray(),
  );

it("admits exactly the limit of 50 out of 200 parallel reserves", async () => {
  const who = await newAgent();
  const replies = await Promise.all(
    Array.from({ length: 200 }, () => reserve(ask(who, [claim({ limit: 50 })]))),
  );
  expect(outcomes(replies, "reserved")).toHaveLength(50);
  expect(new Set(replies.map(codeOf))).toEqual(new Set(["reserved", "request_quota_exceeded"]));
});

it("keeps a token limit under parallel reserves of unequal size, and gives back what was not used", async () => {
  const who = await newAgent();
  const limit = 1_000;
  const sizes = Array.from({ length: 120 }, (_, index) => 1 + ((index * 37) % 91));
  const requests = sizes.map((amount) => ask(who, [claim({ meter: "tokens", limit, amount })]));
  const replies = await Promise.all(requests.map(reserve));
  const admitted = requests.filter((_, index) => replies[index]?.outcome === "reserved");
  const sum = admitted.reduce((total, { candidates }) => total + (candidates[0]?.claims[0]?.amount ?? 0), 0);
  expect(sum).toBeLessThanOrEqual(limit);
  const smallestRefused = Math.min(...sizes.filter((_, index) => replies[index]?.outcome === "refused"));
  expect(sum + smallestRefused).toBeGreaterThan(limit);
  await Promise.all(admitted.map(({ reservationId }) => settle(who, reservationId, used(3))));
  expect(await countersOf(who)).toEqual([
    { counter: "policy:p/agent/tokens/day", used: 3 * admitted.length },
  ]);
});

it("keeps a tenant's limit across several agents, and leaves nothing behind at refused agents", async () => {
  const tenantId = newTenant();
  const whos = await Promise.all(Array.from({ length: 5 }, () => newAgent(tenantId)));
  const claims = [
    claim({ limit: 1_000 }),
    claim({ scope: "tenant", owner: `tenant:${tenantId}`, limit: 50 }),
  ];
  const replies = await Promise.all(
    Array.from({ length: 200 }, (_, index) => reserve(ask(whos[index % 5] as Who, claims))),
  );
  expect(outcomes(replies, "reserved")).toHaveLength(50);
  const counters = (await Promise.all(whos.map(countersOf))).flat();
  const own = counters.filter(({ counter }) => counter === "policy:p/agent/requests/day");
  expect(own.reduce((sum, row) => sum + Number(row.used), 0)).toBe(50);
});

it("names the limit that bound, and reports the first candidate's when none has room", async () => {
  const who = await newAgent();
  const first = claim({ owner: "policy:first", limit: 0 });
  const second = claim({ owner: "policy:second", meter: "tokens", limit: 10, amount: 11 });
  const request = ask(who, [], {
    candidates: [
      { claims: [first], reservedTokens: 1, reservedCostNanoUsd: null },
      { claims: [second], reservedTokens: 11, reservedCostNanoUsd: null },
    ],
  });
  const reply = await reserve(request);
  expect(reply).toMatchObject({
    outcome: "refused",
    refusal: {
      code: "request_quota_exceeded",
      evidence: {
        owner: "policy:first",
        scope: "agent",
        meter: "requests",
        window: "day",
        limit: 0,
        left: 0,
      },
    },
    number: { source: `agent-ledger/${who.agentId}`, n: 1 },
  });
  // A limit of nothing never has room, whenever one asks again.
  expect(reply.outcome === "refused" && reply.refusal.retryAfterSeconds).toBeUndefined();
});

it("charges all claims of a candidate or none, and goes on to the next", async () => {
  const who = await newAgent();
  const roomy = claim({ owner: "policy:a" });
  const full = claim({ owner: "policy:a", meter: "tokens", limit: 5, amount: 6 });
  const tenantFull = claim({ owner: "tenant:t", scope: "tenant", limit: 0 });
  const other = claim({ owner: "policy:b" });
  const reply = await reserved(
    ask(who, [], {
      candidates: [
        { claims: [roomy, full], reservedTokens: 6, reservedCostNanoUsd: null },
        { claims: [roomy, tenantFull], reservedTokens: 6, reservedCostNanoUsd: null },
        { claims: [other], reservedTokens: 6, reservedCostNanoUsd: null },
      ],
    }),
  );
  expect(reply.candidate).toBe(2);
  expect(reply.limits).toMatchObject([{ owner: "policy:b", left: 999 }]);
  expect(await countersOf(who)).toEqual([{ counter: "policy:b/agent/requests/day", used: 1 }]);
});

it("counts usage above the reservation as debt", async () => {
  const who = await newAgent();
  const claims = [claim({ meter: "tokens", limit: 100, amount: 60 })];
  const { reservationId } = await reserved(ask(who, claims));
  expect(await settle(who, reservationId, used(90))).toMatchObject({ outcome: "settled", chargedTokens: 90 });
  expect(codeOf(await reserve(ask(who, [claim({ meter: "tokens", limit: 100, amount: 11 })])))).toBe(
    "token_quota_exceeded",
  );
  expect(codeOf(await reserve(ask(who, [claim({ meter: "tokens", limit: 100, amount: 10 })])))).toBe(
    "reserved",
  );
});

it("settles once, and frees requests and tokens on release", async () => {
  const who = await newAgent();
  const claims = [claim({ limit: 1 }), claim({ meter: "tokens", limit: 100, amount: 100 })];
  const { reservationId } = await reserved(ask(who, claims));
  expect(await settle(who, reservationId, { kind: "released" })).toMatchObject({
    outcome: "settled",
    chargedTokens: 0,
    chargedRequests: 0,
  });
  expect(await settle(who, reservationId, used(7))).toMatchObject({ outcome: "repeated", chargedTokens: 0 });
  expect(await settle(who, reservationOf(ids.decision()), used(7))).toMatchObject({
    outcome: "unknown",
    chargedTokens: 0,
  });
  const again = await reserved(ask(who, claims));
  expect(await settle(who, again.reservationId, { kind: "as_reserved" })).toMatchObject({
    chargedTokens: 100,
    chargedRequests: 1,
  });
  expect(codeOf(await reserve(ask(who, claims)))).toBe("request_quota_exceeded");
});

it("gives back what it did not spend of the tenant's budget, one lease later", async () => {
  const tenantId = newTenant();
  const [one, two] = [await newAgent(tenantId), await newAgent(tenantId)];
  const claims = [claim({ scope: "tenant", meter: "tokens", limit: 100, amount: 80 })];
  const { reservationId } = await reserved(ask(one, claims));
  expect(codeOf(await reserve(ask(two, claims)))).toBe("token_quota_exceeded");
  await settle(one, reservationId, used(20));
  vi.setSystemTime(Date.now() + config.leaseMs);
  await runDurableObjectAlarm(await agentStub(one));
  expect(codeOf(await reserve(ask(two, claims)))).toBe("reserved");
  expect(codeOf(await reserve(ask(two, claims)))).toBe("token_quota_exceeded");
});

it("holds every request against the agent's state", async () => {
  const who: Who = { home: "global", tenantId: newTenant(), agentId: ids.agent() };
  const code = async (version: number) => {
    const reply = await reserve(ask(who, [claim({})], { caller: callerOf(who, version) }));
    const confirmed = await agents.confirm({
      v: 1,
      caller: callerOf(who, version),
      snapshot: { tenant: 9, platform: 9 },
    });
    const confirmedCode =
      confirmed.ok && confirmed.value.outcome === "refused" ? confirmed.value.refusal.code : "confirmed";
    expect(confirmedCode).toBe(reply.outcome === "reserved" ? "confirmed" : codeOf(reply));
    return codeOf(reply);
  };
  const put = (version: number, status: "active" | "disabled" | "deleted") =>
    agents.putAgentState({ v: 1, ...who, version, status });
  expect(await code(1)).toBe("agent_unknown");
  await put(1, "active");
  expect(await code(1)).toBe("reserved");
  await put(3, "disabled");
  expect(await code(3)).toBe("agent_disabled");
  await put(2, "active");
  expect(await code(3)).toBe("agent_disabled");
  await put(4, "active");
  expect(await code(3)).toBe("token_outdated");
  expect(await code(4)).toBe("reserved");
  expect(await code(5)).toBe("reserved");
  await put(5, "deleted");
  expect(await code(5)).toBe("agent_unknown");
});

it("is idempotent on a request id, and a denied ask has charged nothing", async () => {
  const who = await newAgent();
  const idempotency = { requestId: "r-1", askHash: "hash-1" };
  const enforce = (limit: number, askHash = "hash-1", requestId = "r-1") =>
    ask(who, [claim({ limit })], { purpose: "enforce", idempotency: { requestId, askHash } });
  expect(codeOf(await reserve(enforce(0)))).toBe("request_quota_exceeded");
  const first = await reserved(enforce(1));
  expect(first.replayed).toBe(false);
  const replay = await reserved(enforce(1));
  expect(replay).toMatchObject({
    replayed: true,
    decisionId: first.decisionId,
    reservationId: first.reservationId,
  });
  expect(replay.number.n).toBeGreaterThan(first.number.n);
  expect(codeOf(await reserve(enforce(1, "hash-2")))).toBe("request_id_reused");
  expect(codeOf(await reserve(enforce(1, "hash-1", "r-2")))).toBe("request_quota_exceeded");
  await agents.putAgentState({ v: 1, ...who, version: 2, status: "disabled" });
  const disabled = { ...enforce(1), idempotency, caller: callerOf(who, 2) };
  expect(codeOf(await reserve(disabled))).toBe("agent_disabled");
});

it("charges one of many parallel asks under the same request id, with a tenant limit between", async () => {
  const who = await newAgent();
  const claims = [claim({ limit: 100 }), claim({ scope: "tenant", owner: "tenant:x", limit: 100 })];
  const idempotency = { requestId: "same", askHash: "h" };
  const replies = await Promise.all(
    Array.from({ length: 20 }, () => reserved(ask(who, claims, { purpose: "enforce", idempotency }))),
  );
  expect(new Set(replies.map(({ reservationId }) => reservationId)).size).toBe(1);
  expect(replies.filter(({ replayed }) => !replayed)).toHaveLength(1);
  expect(await countersOf(who)).toEqual([
    { counter: "policy:p/agent/requests/day", used: 1 },
    { counter: "tenant:x/tenant/requests/day", used: 1 },
  ]);
  const after = await reserved(ask(who, claims));
  expect(after.limits.map(({ left }) => left)).toEqual([98, 98]);
});

it("answers a repeated call with its first reservation and number, charging nothing", async () => {
  const who = await newAgent();
  const request = ask(who, [claim({ limit: 1 })]);
  const first = await reserved(request);
  expect(await reserved(request)).toEqual(first);
});

it("gives out numbers without holes across restarts and stale answers", async () => {
  const who = await newAgent();
  const scope = { scope: who.tenantId, home: who.home };
  const numbers: number[] = [];
  for (let round = 0; round < 3; round += 1) {
    numbers.push((await reserved(ask(who, [claim({})]))).number.n);
    await evictDurableObject(await agentStub(who));
    numbers.push((await settle(who, reservationOf(ids.decision()), { kind: "released" })).number.n);
  }
  const prepared = await tenants.prepare(scope);
  if (!prepared.ok || prepared.value.outcome !== "prepared") throw new Error("not prepared");
  await tenants.publish(scope, prepared.value.revision);
  await evictDurableObject(await agentStub(who));
  const stale = await reserve(ask(who, [claim({})], { snapshot: { tenant: 0, platform: 1_000 } }));
  expect(stale).toMatchObject({ outcome: "stale", revisions: { tenant: 1 } });
  const confirmed = await agents.confirm({
    v: 1,
    caller: callerOf(who),
    snapshot: { tenant: 1, platform: 1_000 },
  });
  if (!confirmed.ok || confirmed.value.outcome !== "confirmed") throw new Error("not confirmed");
  numbers.push(confirmed.value.number.n);
  expect(numbers).toEqual([1, 2, 3, 4, 5, 6, 7]);
});

it("keeps counters and reservations across a restart", async () => {
  const who = await newAgent();
  const { reservationId } = await reserved(ask(who, [claim({ limit: 1 })]));
  await evictDurableObject(await agentStub(who));
  expect(codeOf(await reserve(ask(who, [claim({ limit: 1 })])))).toBe("request_quota_exceeded");
  expect(await settle(who, reservationId, { kind: "released" })).toMatchObject({ outcome: "settled" });
  expect(codeOf(await reserve(ask(who, [claim({ limit: 1 })])))).toBe("reserved");
});
