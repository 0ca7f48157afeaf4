// The pure reducers, held against a tiny model that knows nothing of counters: it adds up calls.
import fc from "fast-check";
import { expect, it } from "vitest";
import { createIdMint, reservationOf, TenantId } from "../../../src/kernel/ids.ts";
import {
  type AgentReservation,
  expireReservation,
  openReservation,
  reservationLifeMs,
  settleReservation,
} from "../../../src/quota/agent-reservation.ts";
import type { LedgerCandidate, ReserveRequest } from "../../../src/quota/contracts.ts";
import type { CounterMove, ReadTotal } from "../../../src/quota/counters.ts";
import { counterName, type LimitClaim } from "../../../src/quota/limit-claim.ts";
import type { SettleOutcome } from "../../../src/quota/settlement.ts";
import {
  expireTenantReservation,
  openTenantReservation,
  settleTenantReservation,
} from "../../../src/quota/tenant-reservation.ts";
import { bucketEndMs, bucketOf } from "../../../src/quota/windows.ts";

const DAY = 86_400_000;
const RELAY_MAX_MS = 600_000;
const ids = createIdMint(
  () => 0,
  (length) => Uint8Array.from({ length }, () => Math.floor(Math.random() * 256)),
);

class Book {
  readonly totals = new Map<string, { settled: number; reserved: number }>();
  readonly read: ReadTotal = (counter, bucket) =>
    this.totals.get(`${counter}@${bucket}`) ?? { settled: 0, reserved: 0 };
  apply(moves: readonly CounterMove[]): void {
    for (const { counter, bucket, settled, reserved } of moves) {
      const total = this.read(counter, bucket);
      this.totals.set(`${counter}@${bucket}`, {
        settled: total.settled + settled,
        reserved: total.reserved + reserved,
      });
    }
  }
}

const requestWith = (candidate: LedgerCandidate): ReserveRequest => ({
  v: 1,
  caller: {
    home: "global",
    tenantId: TenantId.parse("t"),
    agentId: ids.agent(),
    agentVersion: 1,
    tokenId: ids.token(),
    issuedAtSeconds: 0,
  },
  reservationId: reservationOf(ids.decision()),
  decisionId: ids.decision(),
  snapshot: { tenant: 0, platform: 0 },
  purpose: "relay",
  candidates: [candidate],
  idempotency: null,
  subject: { requestId: "r", action: "chat", resource: "m" },
});

const claimOf = (owner: string, meter: LimitClaim["meter"], limit: number, amount: number): LimitClaim => ({
  owner,
  scope: "agent",
  meter,
  window: "day",
  limit,
  amount,
});

const used = (totalTokens: number): SettleOutcome => ({
  kind: "used",
  usage: { promptTokens: 0, completionTokens: totalTokens, totalTokens },
});

const LIMITS = { a: { requests: 6, tokens: 100 }, b: { requests: 9, tokens: 60 } } as const;
const owners = ["a", "b"] as const;

/** One call as the model sees it: where it was reserved, what it may cost, and what it did cost. */
interface Call {
  readonly day: number;
  readonly owners: readonly (typeof owners)[number][];
  readonly tokens: number;
  cost: { requests: number; tokens: number };
  ended: boolean;
}

const modelTotal = (calls: readonly Call[], owner: string, meter: "requests" | "tokens", day: number) =>
  calls
    .filter((call) => call.day === day && call.owners.some((name) => name === owner))
    .reduce((sum, call) => sum + call.cost[meter], 0);

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("reserve" as const),
      owners: fc.constantFrom<readonly (typeof owners)[number][]>(["a"], ["b"], ["a", "b"]),
      tokens: fc.integer({ min: 0, max: 70 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("settle" as const), call: fc.nat(), tokens: fc.nat(90) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("end" as const),
      call: fc.nat(),
      outcome: fc.constantFrom<"released" | "as_reserved">("released", "as_reserved"),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("expire" as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("pass" as const), ms: fc.integer({ min: 0, max: DAY / 3 }) }),
  },
);

it("is never over, leaks nothing, and equals the model", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const book = new Book();
      const calls: Call[] = [];
      const held: AgentReservation[] = [];
      let now = 20_000 * DAY + DAY - 3_600_000;
      const settle = (index: number, outcome: SettleOutcome, cost: (call: Call) => Call["cost"]) => {
        const [reservation, call] = [held[index], calls[index]];
        if (!reservation || !call) return;
        const { change, reply } = settleReservation(reservation, outcome, now);
        expect(change === null).toBe(call.ended);
        expect(reply.outcome === "repeated").toBe(call.ended);
        if (change) {
          book.apply(change.moves);
          held[index] = change.reservation;
          call.cost = cost(call);
          call.ended = true;
        }
        expect([reply.chargedRequests, reply.chargedTokens]).toEqual([call.cost.requests, call.cost.tokens]);
      };
      for (const taken of steps) {
        if (taken.kind === "pass") now += taken.ms;
        if (taken.kind === "settle" && calls.length > 0) {
          const actual = { requests: 1, tokens: taken.tokens };
          settle(taken.call % calls.length, used(taken.tokens), () => actual);
        }
        if (taken.kind === "end" && calls.length > 0) {
          settle(taken.call % calls.length, { kind: taken.outcome }, (call) =>
            taken.outcome === "released" ? { requests: 0, tokens: 0 } : { requests: 1, tokens: call.tokens },
          );
        }
        if (taken.kind === "expire") {
          for (const [index, reservation] of held.entries()) {
            if (reservation.state !== "open" || reservation.expiresAtMs > now) continue;
            const expired = expireReservation(reservation, now);
            book.apply(expired.moves);
            held[index] = expired.reservation;
          }
        }
        if (taken.kind === "reserve") {
          const day = Math.floor(now / DAY);
          const claims = taken.owners.flatMap((owner) => [
            claimOf(owner, "requests", LIMITS[owner].requests, 1),
            claimOf(owner, "tokens", LIMITS[owner].tokens, taken.tokens),
          ]);
          const fits = taken.owners.every(
            (owner) =>
              modelTotal(calls, owner, "requests", day) + 1 <= LIMITS[owner].requests &&
              modelTotal(calls, owner, "tokens", day) + taken.tokens <= LIMITS[owner].tokens,
          );
          const candidate = { claims, reservedTokens: taken.tokens };
          const opening = openReservation(book.read, requestWith(candidate), 0, candidate, RELAY_MAX_MS, now);
          expect(opening.opened).toBe(fits);
          if (opening.opened) {
            book.apply(opening.moves);
            held.push(opening.reservation);
            const cost = { requests: 1, tokens: taken.tokens };
            calls.push({ day, owners: taken.owners, tokens: taken.tokens, cost, ended: false });
          }
        }
        for (const day of new Set(calls.map((call) => call.day))) {
          for (const owner of owners) {
            for (const meter of ["requests", "tokens"] as const) {
              const counter = counterName(claimOf(owner, meter, 0, 0));
              const { settled, reserved } = book.read(counter, day);
              expect(settled + reserved).toBe(modelTotal(calls, owner, meter, day));
              expect(Math.min(settled, reserved)).toBeGreaterThanOrEqual(0);
            }
          }
        }
      }
      for (const index of calls.keys()) settle(index, used(1), () => ({ requests: 1, tokens: 1 }));
      for (const { reserved } of book.totals.values()) expect(reserved).toBe(0);
    }),
    { numRuns: 300 },
  );
});

it("knows the UTC day and its end", () => {
  const midnight = Date.parse("2028-02-29T00:00:00Z");
  expect(bucketOf("day", midnight) - bucketOf("day", midnight - 1)).toBe(1);
  expect(bucketEndMs("day", bucketOf("day", midnight))).toBe(Date.parse("2028-03-01T00:00:00Z"));
  expect(bucketEndMs("day", bucketOf("day", midnight - 1))).toBe(midnight);
});

it("counts a call once where two limits share a counter, and both bind", () => {
  const book = new Book();
  const claims = [claimOf("a", "requests", 5, 1), claimOf("a", "requests", 1, 1)];
  const open = () => openReservation(book.read, requestWith(candidate), 0, candidate, RELAY_MAX_MS, 0);
  const candidate = { claims, reservedTokens: 0 };
  const first = open();
  if (first.opened) book.apply(first.moves);
  expect(book.read("a/agent/requests/day", 0)).toEqual({ settled: 0, reserved: 1 });
  expect(open()).toMatchObject({ opened: false, binding: { limit: 1, left: 0 } });
});

it("gives enforce its own deadline", () => {
  expect(reservationLifeMs("relay", 1_000)).toBe(31_000);
  expect(reservationLifeMs("enforce", 1_000)).toBe(600_000);
});

it("settles, expires and corrects the tenant's part, and forgets a released one", () => {
  const book = new Book();
  const reservationId = reservationOf(ids.decision());
  const claims = [{ ...claimOf("t", "tokens", 100, 80), scope: "tenant" as const }];
  const request = {
    v: 1,
    scope: TenantId.parse("t"),
    home: "global",
    reservationId,
    claims,
    expiresInMs: 10,
  } as const;
  const opening = openTenantReservation(book.read, { ...request, claims }, 5);
  if (!opening.opened) throw new Error("refused");
  book.apply(opening.moves);
  expect(opening.reservation.expiresAtMs).toBe(15);
  const expired = expireTenantReservation(opening.reservation, 15);
  book.apply(expired.moves);
  expect(book.read("t/tenant/tokens/day", 0)).toEqual({ settled: 80, reserved: 0 });
  const settle = { v: 1, reservationId, charge: { requests: 1, tokens: 30 } } as const;
  const corrected = settleTenantReservation(expired.reservation, settle, 16);
  book.apply(corrected?.moves ?? []);
  expect(book.read("t/tenant/tokens/day", 0)).toEqual({ settled: 30, reserved: 0 });
  expect(settleTenantReservation(corrected?.reservation ?? null, settle, 17)).toBeNull();
  expect(settleTenantReservation(null, settle, 17)).toBeNull();
  const released = settleTenantReservation(
    opening.reservation,
    { v: 1, reservationId, charge: { requests: 0, tokens: 0 } },
    6,
  );
  expect(released?.reservation).toBeNull();
});
