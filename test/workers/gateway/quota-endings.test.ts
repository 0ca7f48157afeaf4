// 1,000 calls that end at random, with ledgers that leave memory meanwhile: once leases and reservations are over and
// one alarm ran, nothing is left open, every counter is what the model says, and every number has its record.
import { runDurableObjectAlarm } from "cloudflare:test";
import { beforeEach, expect, it, vi } from "vitest";
import type { AuditRecord } from "../../../src/audit/audit-record.ts";
import { RESERVATION_GRACE_MS } from "../../../src/kernel/limits.ts";
import type { AgentLedgers } from "../../../src/quota/ledgers.ts";
import { counterName, type LimitClaim } from "../../../src/quota/limit-claim.ts";
import { Chance } from "../../unit/quota/simulation/chance.ts";
import { backgroundDone, call, newCaller, ports } from "./gateway-fixture.ts";
import {
  above,
  agentLedger,
  agentsOfTenant,
  type Caller,
  chatBody,
  config,
  evict,
  hearLedger,
  openReservationIds,
  pass,
  quiet,
  stored,
  storedBuckets,
  tenantLedger,
  times,
} from "./quota-drive.ts";
import { type Ending, endings, losing, timeOf } from "./random-endings.ts";

const LIFE_MS = config.relayMaxMs + RESERVATION_GRACE_MS + 1_000;
const seed = 1_030;

vi.setConfig({ testTimeout: 60_000 });
beforeEach(() => pass(120_000));

/** What one agent's ledger must hold, and has told. */
class Expected {
  readonly caller: Caller;
  readonly charged = new Map<string, number>();
  /** Numbers that the ledger gave out and whose record was lost with what was only in memory. */
  readonly lost = new Set<number>();
  readonly packed = new Set<number>();
  /** Reservations that nobody will settle, with their decisions' numbers. */
  readonly leftOpen = new Map<string, number>();

  constructor(caller: Caller) {
    this.caller = caller;
  }

  add(counter: string, amount: number): void {
    this.charged.set(counter, (this.charged.get(counter) ?? 0) + amount);
  }
}

interface Reserved {
  readonly n: number;
  readonly reservationId: string;
  readonly claims: readonly LimitClaim[];
}

/** Calls under way of all agents belong to the tenant's ledger alone. */
const isCountedByAgent = ({ scope, meter }: LimitClaim) => scope !== "tenant" || meter !== "concurrent";

function chargeOf({ charge }: Ending, { meter, amount }: LimitClaim, totalTokens: number): number {
  if (meter === "concurrent" || charge === "nothing") return 0;
  return charge === "used" && meter === "tokens" ? totalTokens : amount;
}

interface World {
  readonly constraints: object;
  readonly limits: object;
  readonly agents: number;
  readonly batches: number;
  readonly callsPerBatch: number;
  readonly pauseMs: number;
  readonly evictions: { readonly agent: number; readonly tenant: number };
}

async function live(world: World) {
  const chance = new Chance(seed);
  const { constraints, limits, batches, callsPerBatch } = world;
  const callers = await agentsOfTenant(await newCaller(constraints, { limits }), world.agents);
  const expected = callers.map((caller) => new Expected(caller));
  const heard: AuditRecord[] = [];
  for (const caller of callers) await hearLedger(caller, heard);
  const records = { send: async (_home: unknown, record: AuditRecord) => heard.push(record) > 0 };
  const names = Object.keys(endings);
  const seen = { reachedAzure: 0, evictions: 0, forgotten: 0 };

  for (let batch = 0; batch < batches; batch += 1) {
    pass(world.pauseMs);
    const azureMayAnswer = Promise.withResolvers<void>();
    let undecided = callsPerBatch;
    const underWay = new Map<Reserved, Expected>();
    const forgotten = new Set<string>();

    async function forget(agent: Expected): Promise<void> {
      const { caller, charged } = agent;
      const ids = await openReservationIds(caller);
      const rows = await storedBuckets(caller);
      await evict(await agentLedger(caller));
      await hearLedger(caller, heard);
      seen.evictions += 1;
      const truth = new Map(charged);
      for (const [reservationId, n] of agent.leftOpen) {
        if (ids.includes(reservationId)) continue;
        // Nothing is left of it that could be told to be abandoned.
        agent.leftOpen.delete(reservationId);
        agent.lost.add(n);
      }
      for (const [{ reservationId, claims }, owner] of underWay) {
        if (owner !== agent) continue;
        if (!ids.includes(reservationId)) forgotten.add(reservationId);
        for (const claim of claims.filter(isCountedByAgent)) {
          truth.set(counterName(claim), (truth.get(counterName(claim)) ?? 0) + claim.amount);
        }
      }
      for (const [counter, known] of truth) {
        // Calls under way are never charged ahead.
        if (counter.endsWith("/open")) continue;
        const sum = rows.reduce(
          (all, row) => (row.counter === counter ? all + row.used + row.ahead : all),
          0,
        );
        // Stored ahead of use, never behind.
        expect(sum - known, `seed ${seed}: ${counter}`).toBeGreaterThanOrEqual(0);
        agent.add(counter, sum - known);
      }
      const told = new Set(heard.filter(({ source }) => source.endsWith(caller.agentId)).map(({ n }) => n));
      for (const n of agent.packed) if (!told.has(n)) agent.lost.add(n);
    }

    async function allDecided(): Promise<void> {
      if (chance.happens(world.evictions.agent)) {
        await forget(chance.pick(expected as [Expected, ...Expected[]]));
      }
      if (chance.happens(world.evictions.tenant)) await evict(await tenantLedger(callers[0] as Caller));
    }
    const failures: unknown[] = [];
    const decided = () => {
      undecided -= 1;
      if (undecided > 0) return;
      allDecided()
        .catch((error: unknown) => failures.push(error))
        .finally(azureMayAnswer.resolve);
    };

    async function one(agent: Expected, ending: Ending, totalTokens: number) {
      const gone = Promise.withResolvers<void>();
      const aborter = new AbortController();
      const leave = () => {
        aborter.abort();
        gone.resolve();
      };
      let reserved: Reserved | null = null;
      let isDecided = false;
      const ledgers: AgentLedgers = {
        ...ports.ledgers,
        async reserve(request) {
          const reply = await ports.ledgers.reserve(request);
          if (!reply.ok || reply.value.outcome !== "reserved") throw new Error(JSON.stringify(reply));
          const claims = request.candidates[reply.value.candidate]?.claims ?? [];
          const { reservationId, number } = reply.value;
          reserved = { reservationId, n: number.n, claims };
          underWay.set(reserved, agent);
          return reply;
        },
        async settle(request) {
          const reply = await ports.ledgers.settle(request);
          if (!reply.ok) throw new Error(reply.error.code);
          if (reply.value.recorded) agent.packed.add(reply.value.number.n);
          else if (ending.loses === "settle's answer") agent.lost.add(reply.value.number.n);
          return reply;
        },
      };
      const azure = {
        async send({ signal }: { readonly signal: AbortSignal }) {
          isDecided = true;
          seen.reachedAzure += 1;
          decided();
          await azureMayAnswer.promise;
          return ending.azure({ totalTokens, leave, gone: gone.promise }, signal);
        },
      };
      const overrides = {
        azure,
        records,
        ledgers: losing(ledgers, ending),
        ...timeOf(ending, azureMayAnswer.promise),
      };
      const body = chatBody(ending.stream ? { stream: true } : {});
      const response = await call(agent.caller, overrides, { body, signal: aborter.signal });
      if (!isDecided) decided();
      if (ending.leavesEarly) {
        await response.body?.getReader().read();
        leave();
      } else {
        await response.text().catch(() => undefined);
      }
      return { agent, ending, totalTokens, reserved: reserved as Reserved | null };
    }

    const ended = await Promise.all(
      times(callsPerBatch, () => {
        const name = chance.pick(names as [string, ...string[]]);
        const agent = chance.pick(expected as [Expected, ...Expected[]]);
        return one(agent, endings[name] as Ending, chance.between(5, 55));
      }),
    );
    await backgroundDone();
    for (const failure of failures) throw failure;
    for (const { agent, ending, totalTokens, reserved } of ended) {
      const isForgotten = forgotten.has(reserved?.reservationId ?? "");
      if (isForgotten) seen.forgotten += 1;
      if (reserved && ending.charge === "left open") {
        if (isForgotten) agent.lost.add(reserved.n);
        else agent.leftOpen.set(reserved.reservationId, reserved.n);
      }
      for (const claim of reserved?.claims.filter(isCountedByAgent) ?? []) {
        // Nobody knows any more what it used.
        agent.add(counterName(claim), isForgotten ? claim.amount : chargeOf(ending, claim, totalTokens));
      }
    }
  }
  return { callers, expected, heard, seen };
}

const withoutZeros = (counters: ReadonlyMap<string, number>) =>
  Object.fromEntries([...counters].filter(([, amount]) => amount !== 0));

const dayLimits = { maxRequestsPerDay: 20_000, maxTokensPerDay: 20_000_000 };
const worlds: Readonly<Record<string, World>> = {
  quiet: {
    constraints: { ...dayLimits, maxConcurrentRequests: 500 },
    limits: { maxRequestsPerDay: 20_000, maxConcurrentRequests: 500 },
    agents: 4,
    batches: 20,
    callsPerBatch: 25,
    pauseMs: 1_000,
    evictions: { agent: 0.4, tenant: 0.2 },
  },
  busy: {
    constraints: dayLimits,
    limits: { maxTokensPerDay: 20_000_000 },
    agents: 2,
    batches: 4,
    callsPerBatch: 125,
    pauseMs: 0,
    evictions: { agent: 1, tenant: 0.3 },
  },
};

it.each(Object.entries(worlds))("500 random endings of %s ledgers", async (name, world) => {
  const { callers, expected, heard, seen } = await live(world);
  await quiet(callers, LIFE_MS);
  await runDurableObjectAlarm(await tenantLedger(callers[0] as Caller));
  const held: Record<string, number> = {};
  for (const { caller, charged } of expected) {
    const { open, ahead } = await stored(caller);
    expect([open, ahead], `seed ${seed}`).toEqual([0, 0]);
    const used = new Map<string, number>();
    for (const row of await storedBuckets(caller))
      used.set(row.counter, (used.get(row.counter) ?? 0) + row.used);
    expect(withoutZeros(used), `seed ${seed}`).toEqual(withoutZeros(charged));
    for (const [counter, amount] of charged) {
      const [, scope, ...rest] = counter.split("/");
      const short = ["tenant", ...rest].join("/");
      if (scope === "tenant") held[short] = (held[short] ?? 0) + amount;
    }
  }
  // The alarm's own renewal may have brought a slice, which goes back one lease later; and records go out 25 at a time.
  await quiet(callers);
  expect(await above(callers[0] as Caller)).toEqual({ held, permits: 0 });
  for (const { caller, leftOpen, lost } of expected) {
    // Records: of each number, or of the range it was skipped with, or of the decision it belonged to.
    const own = () => heard.filter(({ source }) => source === `agent-ledger/${caller.agentId}`);
    const unexplained = () => {
      const known = new Set(lost);
      for (const record of own()) {
        known.add(record.n);
        if (record.kind === "abandoned") known.add(record.decisionNumber);
        const { from, to } = record.skipped ?? { from: 1, to: 0 };
        for (let n = from; n <= to; n += 1) known.add(n);
      }
      return times(Math.max(...known), (index) => index + 1).filter((n) => !known.has(n));
    };
    // A busy ledger's records leave a moment later.
    await vi.waitFor(() => expect(unexplained(), `seed ${seed}`).toEqual([]));
    expect(own().filter(({ kind }) => kind === "abandoned")).toHaveLength(leftOpen.size);
    expect(new Set(own().map(({ n }) => n)).size).toBe(own().length);
  }
  const decisions = heard.flatMap((record) => (record.kind === "decision" ? [record.decision] : []));
  expect(decisions).toHaveLength(world.batches * world.callsPerBatch);
  expect(decisions.filter((decision) => decision === "allowed")).toHaveLength(seen.reachedAzure);
  expect(seen.evictions).toBeGreaterThan(2);
  expect(seen.forgotten > 0).toBe(name === "busy");
});
