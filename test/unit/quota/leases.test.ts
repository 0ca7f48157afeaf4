// Leases and revisions, pure: whatever the clocks and delays, no lease with an older revision outlives the wait.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LEASE_GRANTOR_MARGIN_MS, PREPARE_MAX_MS } from "../../../src/kernel/limits.ts";
import type { LeaseReply } from "../../../src/quota/contracts.ts";
import {
  grantLease,
  grantsAfterPublish,
  grantsAfterStart,
  holdLease,
  isPastHalfLife,
  leaseAt,
  leaseLeftMs,
  olderLeasesWaitMs,
} from "../../../src/quota/lease.ts";
import { LeaseHolder } from "../../../src/quota/lease-holder.ts";
import {
  followRevision,
  overduePrepared,
  prepareRevision,
  publishRevision,
} from "../../../src/quota/revision-writes.ts";

const revisions = { tenant: 1, platform: 1 };
const reply = (durationMs: number): LeaseReply => ({ durationMs, revisions, slices: null });

describe("a held lease", () => {
  it("counts from before it was asked for", () => {
    const lease = holdLease(reply(100), 1_000, 1_040);
    expect(lease && leaseLeftMs(lease, 1_040)).toBe(60);
    expect(leaseAt(lease, 1_099)).not.toBeNull();
    expect(leaseAt(lease, 1_100)).toBeNull();
  });

  it("is dropped when the clock steps back, even by a little and within its life", () => {
    const lease = leaseAt(holdLease(reply(100), 1_000, 1_010), 1_050);
    expect(leaseAt(lease, 1_049)).toBeNull();
    expect(holdLease(reply(100), 1_000, 999)).toBeNull();
  });

  it("is renewed past half its life", () => {
    const lease = holdLease(reply(100), 1_000, 1_000);
    expect(lease && [isPastHalfLife(lease, 1_050), isPastHalfLife(lease, 1_051)]).toEqual([false, true]);
  });
});

describe("the holder", () => {
  it("asks once for many callers, and again in the background past half-life", async () => {
    let now = 0;
    let asks = 0;
    const answers: ((value: LeaseReply) => void)[] = [];
    const holder = new LeaseHolder(
      () => now,
      () => {
        asks += 1;
        return new Promise((resolve) => answers.push(resolve));
      },
    );
    const callers = Promise.all([holder.ensure(), holder.ensure(), holder.ensure()]);
    expect(asks).toBe(1);
    answers[0]?.(reply(100));
    await callers;
    now = 51;
    await holder.ensure();
    await holder.ensure();
    expect(asks).toBe(2);
  });

  it("gives up when no lease arrives alive, and when the grantor cannot be reached", async () => {
    let now = 0;
    let asks = 0;
    const slow = new LeaseHolder(
      () => now,
      async () => {
        asks += 1;
        now += 100;
        return reply(100);
      },
    );
    await expect(slow.ensure()).rejects.toThrow("lease");
    expect(asks).toBe(3);
    const cutOff = new LeaseHolder(
      () => 0,
      () => Promise.reject(new Error("unreachable")),
    );
    await expect(cutOff.ensure()).rejects.toThrow("unreachable");
  });
});

it("waits out every older lease, with unequal clocks, delays and a restart", () => {
  const grant = fc.record({
    gap: fc.nat(50),
    wayThere: fc.nat(40),
    wayBack: fc.nat(400),
    duration: fc.nat(200),
  });
  fc.assert(
    fc.property(
      fc.array(grant, { maxLength: 20 }),
      fc.integer({ min: -1e6, max: 1e6 }),
      fc.boolean(),
      (asked, skew, restarts) => {
        let now = 2_000_000;
        let grants = grantsAfterStart(0, now);
        let lastEnd = 0;
        for (const { gap, wayThere, wayBack, duration } of asked) {
          const askedAt = now + gap;
          now = askedAt + wayThere;
          grants = grantLease(grants, duration, now);
          // The holder's clock is another one; what it holds is turned back to the grantor's to be compared.
          const held = holdLease(reply(duration), askedAt + skew, now + wayBack + skew);
          const left = held ? leaseLeftMs(held, now + wayBack + skew) : 0;
          if (left > 0) lastEnd = Math.max(lastEnd, now + wayBack + left);
        }
        if (restarts) grants = grantsAfterStart(grants.longestMs, now);
        const waitUntil = now + olderLeasesWaitMs(grantsAfterPublish(grants), now);
        expect(waitUntil).toBeGreaterThanOrEqual(lastEnd);
        expect(waitUntil - now).toBeLessThanOrEqual(200 + LEASE_GRANTOR_MARGIN_MS);
      },
    ),
  );
});

it("does not wait where nothing is out, nor for leases granted after the publish", () => {
  const none = grantsAfterPublish(grantsAfterStart(0, 1_000));
  expect(olderLeasesWaitMs(none, 1_000)).toBe(0);
  expect(olderLeasesWaitMs(grantLease(none, 100, 1_000), 1_000)).toBe(0);
});

describe("revisions", () => {
  const fresh = { revision: 0, prepared: null };

  it("are prepared one at a time and resolved when overdue", () => {
    const first = prepareRevision(fresh, 1_000);
    if (first.outcome !== "prepared") throw new Error("busy");
    expect(first.revision).toBe(1);
    expect(prepareRevision(first.state, 1_001).outcome).toBe("busy");
    expect(overduePrepared(first.state, 1_000 + PREPARE_MAX_MS - 1)).toBeNull();
    expect(overduePrepared(first.state, 1_000 + PREPARE_MAX_MS)?.revision).toBe(1);
  });

  it("are taken up from the database only where the ledger has none", () => {
    expect(followRevision(fresh, 7)).toEqual({ revision: 7, prepared: null });
    expect(followRevision(fresh, 0)).toBeNull();
    expect(followRevision({ revision: 3, prepared: null }, 7)).toBeNull();
    expect(followRevision({ revision: 0, prepared: { revision: 1, resolveAtMs: 5 } }, 7)).toBeNull();
  });

  it("never go back, and are never invented", () => {
    const step = fc.oneof(fc.constant("prepare" as const), fc.nat(6));
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        let state: Parameters<typeof prepareRevision>[0] = fresh;
        const prepared = new Set<number>();
        for (const taken of steps) {
          const before = state.revision;
          if (taken === "prepare") {
            const result = prepareRevision(state, 0);
            if (result.outcome === "prepared") {
              expect(prepared.has(result.revision)).toBe(false);
              prepared.add(result.revision);
              state = result.state;
            }
          } else {
            state = publishRevision(state, taken)?.state ?? state;
          }
          expect(state.revision).toBeGreaterThanOrEqual(before);
          expect(state.revision === 0 || prepared.has(state.revision)).toBe(true);
        }
      }),
    );
  });
});
