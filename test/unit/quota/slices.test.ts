// Both sides of tenant-wide budgets, face to face; what the way between them can do to it is simulation/.
import { expect, it } from "vitest";
import { CounterBook } from "../../../src/quota/counter-book.ts";
import { counterName, type LimitClaim } from "../../../src/quota/limit-claim.ts";
import type { SliceReply } from "../../../src/quota/slice-contracts.ts";
import { SliceHolder } from "../../../src/quota/slice-holder.ts";
import { type HoldRow, TenantHolds } from "../../../src/quota/tenant-holds.ts";

const NOW = Date.UTC(2027, 0, 14, 12);
const LEASE_MS = 3_000;
const claim: LimitClaim = {
  owner: "policy:a",
  scope: "tenant",
  subject: null,
  meter: "tokens",
  window: "day",
  limit: 1_000,
  amount: 10,
};
const COUNTER = counterName(claim);

class Agent {
  readonly book = new CounterBook([]);
  slices = new SliceHolder(this.book, NOW);
  #seq = 0;

  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  /** @returns whether it was allowed without asking. */
  spend(amount: number, nowMs: number): "spent" | "ask" | "refused" {
    const plan = this.slices.plan([{ ...claim, amount }], `call-${amount}-${nowMs}`, nowMs);
    if (plan.kind !== "charges") return plan.kind;
    for (const { charge, left } of plan.charges) this.book.reserve(charge, left, false);
    this.slices.spent(plan.charges);
    return "spent";
  }

  renew(tenant: TenantHolds, nowMs: number, lose = false): SliceReply | null {
    const report = this.slices.report(nowMs);
    if (report === null) return null;
    this.#seq += 1;
    const request = { holder: this.name, seq: this.#seq, ...report };
    const { reply } = tenant.exchange(request, LEASE_MS, nowMs);
    if (!lose) this.slices.apply(report, reply, nowMs, LEASE_MS);
    return reply;
  }
}

const newTenant = () => new TenantHolds([], []);

it("asks once, then spends what it holds, and no more than that", () => {
  const [tenant, agent] = [newTenant(), new Agent("one")];
  expect(agent.spend(10, NOW)).toBe("ask");
  agent.renew(tenant, NOW);
  expect([agent.spend(10, NOW), agent.spend(1, NOW)]).toEqual(["spent", "ask"]);
  expect(tenant.used(COUNTER, NOW)).toBe(10);
});

it("gets more than its waiting calls need where there is plenty, at most a twentieth of what is free", () => {
  const [tenant, agent] = [newTenant(), new Agent("one")];
  let mostAhead = 0;
  for (let calls = 0; calls < 40; calls += 1) {
    if (agent.spend(1, NOW + calls) === "ask") agent.renew(tenant, NOW + calls);
    mostAhead = Math.max(mostAhead, tenant.used(COUNTER, NOW) - agent.book.used(COUNTER, NOW));
  }
  expect(mostAhead).toBeGreaterThan(1);
  expect(mostAhead).toBeLessThanOrEqual(1 + claim.limit / 20);
});

it("gives back what it has not spent, once its lease is over, and cannot spend it then", () => {
  const [tenant, agent] = [newTenant(), new Agent("one")];
  agent.spend(50, NOW);
  agent.renew(tenant, NOW);
  expect(agent.slices.reportDueMs(NOW)).toBe(NOW + LEASE_MS);
  expect(agent.spend(50, NOW + LEASE_MS)).toBe("ask");
  agent.renew(tenant, NOW + LEASE_MS);
  const [used, left] = [tenant.used(COUNTER, NOW), agent.spend(50, NOW + LEASE_MS)];
  expect([used, left]).toEqual([50, "spent"]);
});

it("never lets all holders together have more than the limit", () => {
  const tenant = newTenant();
  const agents = Array.from({ length: 20 }, (_, index) => new Agent(`agent-${index}`));
  let spent = 0;
  for (let round = 0; round < 20; round += 1) {
    for (const agent of agents) {
      const nowMs = NOW + round * 200;
      if (agent.spend(7, nowMs) === "ask") agent.renew(tenant, nowMs);
      if (agent.spend(7, nowMs) === "spent") spent += 7;
      expect(tenant.used(COUNTER, nowMs)).toBeLessThanOrEqual(claim.limit);
    }
  }
  expect(spent).toBeGreaterThan(claim.limit * 0.8);
  expect(spent).toBeLessThanOrEqual(claim.limit);
});

it("keeps a refusal until the next lease, and smaller asks are not refused by it", () => {
  const [tenant, agent, other] = [newTenant(), new Agent("one"), new Agent("two")];
  other.spend(950, NOW);
  other.renew(tenant, NOW);
  agent.spend(60, NOW);
  agent.renew(tenant, NOW);
  expect([agent.spend(60, NOW + 1), agent.spend(50, NOW + 1)]).toEqual(["refused", "ask"]);
  expect(agent.spend(60, NOW + LEASE_MS)).toBe("ask");
});

it("takes back what was granted in an answer that never came", () => {
  const [tenant, agent] = [newTenant(), new Agent("one")];
  agent.renew(tenant, NOW);
  agent.spend(400, NOW);
  agent.renew(tenant, NOW, true);
  expect(tenant.used(COUNTER, NOW)).toBe(400);
  expect(agent.slices.isUncertain).toBe(true);
  agent.renew(tenant, NOW + 10);
  expect([tenant.used(COUNTER, NOW), agent.slices.isUncertain]).toEqual([0, false]);
});

it("takes back what a restart of the holder has forgotten, but not what it has used", () => {
  const [tenant, agent] = [newTenant(), new Agent("one")];
  agent.spend(40, NOW);
  agent.renew(tenant, NOW);
  agent.spend(10, NOW);
  agent.slices = new SliceHolder(agent.book, NOW);
  agent.renew(tenant, NOW + 10);
  expect(tenant.used(COUNTER, NOW)).toBe(10);
});

it("is not moved by messages that were overtaken, or come twice", () => {
  const tenant = newTenant();
  const hold = (held: number) => [{ counter: COUNTER, window: "day" as const, bucket: 20_832, held }];
  const say = (seq: number, held: number) =>
    tenant.exchange({ holder: "one", seq, holds: hold(held), complete: false, asks: [] }, LEASE_MS, NOW)
      .reply;
  expect([say(2, 30).accepted, say(1, 90).accepted, say(2, 5).accepted]).toEqual([true, false, false]);
  expect(say(1, 1).seq).toBe(2);
  expect(tenant.used(COUNTER, NOW)).toBe(bucketHolds(NOW) ? 30 : 0);
});

const bucketHolds = (nowMs: number) => Math.floor(nowMs / 86_400_000) === 20_832;

it("drops its slices when its clock steps back: how old they are is unknown", () => {
  const [tenant, agent] = [newTenant(), new Agent("one")];
  agent.spend(50, NOW);
  agent.renew(tenant, NOW);
  expect(agent.spend(20, NOW + 10)).toBe("spent");
  expect(agent.spend(20, NOW + 9)).toBe("ask");
});

it("counts after a restart what is stored", () => {
  const rows: HoldRow[] = [
    { holder: "one", counter: COUNTER, window: "day", bucket: Math.floor(NOW / 86_400_000), held: 600 },
  ];
  const tenant = new TenantHolds(rows, [["one", 7]]);
  const asks = [
    {
      counter: COUNTER,
      meter: "tokens" as const,
      window: "day" as const,
      limit: 1_000,
      need: 500,
      least: 500,
      want: 0,
    },
  ];
  const { reply } = tenant.exchange(
    { holder: "two", seq: 1, holds: [], complete: true, asks },
    LEASE_MS,
    NOW,
  );
  expect(reply.limits).toMatchObject([{ refused: true, left: 400 }]);
});

it("never lets a slice outlive its day", () => {
  const [tenant, agent] = [newTenant(), new Agent("one")];
  const nearlyMidnight = Date.UTC(2027, 0, 14, 23, 59, 59);
  agent.spend(10, nearlyMidnight);
  expect(agent.renew(tenant, nearlyMidnight)?.slices).toMatchObject([{ durationMs: 1_000 }]);
});

it("keeps one budget's slice for a call that waits for another's, so that it is not asked for in turns for ever", () => {
  const [tenant, agent] = [newTenant(), new Agent("one")];
  const other = { ...claim, owner: "policy:b" };
  const both = () => agent.slices.plan([claim, other], "call", NOW);
  // A slice of one budget is there already, and nothing was spent of it yet.
  expect(agent.slices.plan([other], "earlier", NOW).kind).toBe("ask");
  agent.renew(tenant, NOW);
  expect(both().kind).toBe("ask");
  agent.renew(tenant, NOW);
  expect(both().kind).toBe("charges");
});
