// How far ahead a busy ledger charges, how long leases become, and the numbers of records.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Bucket } from "../../../src/quota/counter-book.ts";
import { LeasePace } from "../../../src/quota/lease-pace.ts";
import { chunkAhead, Pace } from "../../../src/quota/pace.ts";
import { type NumberBlock, RecordNumbers } from "../../../src/quota/record-numbers.ts";

describe("a ledger's pace", () => {
  it("is busy from 50 reservations in a second on, until a second later", () => {
    const pace = new Pace();
    for (let beat = 0; beat < 49; beat += 1) pace.beat(10_000 + beat);
    expect(pace.isBusy(10_100)).toBe(false);
    pace.beat(10_200);
    expect([pace.isBusy(10_200), pace.isBusy(11_999), pace.isBusy(12_000)]).toEqual([true, true, false]);
  });

  it("never charges more ahead than 1 % of what is left after the call", () => {
    fc.assert(
      fc.property(fc.integer({ min: -100, max: 1e9 }), fc.integer({ min: 0, max: 1e6 }), (left, amount) => {
        const bucket: Bucket = {
          counter: "c",
          window: "day",
          bucket: 1,
          used: 0,
          reserved: 0,
          floating: 0,
          left,
        };
        const ahead = chunkAhead(new Map([["c", amount]]))(bucket);
        expect(ahead).toBeGreaterThanOrEqual(0);
        expect(ahead).toBeLessThanOrEqual(Math.max(0, (left - amount) / 100));
        expect(chunkAhead(new Map())(bucket)).toBe(0);
      }),
    );
  });
});

describe("a grantor's leases", () => {
  it("stay between the configured length and the longest", () => {
    const gaps = fc.array(fc.integer({ min: 0, max: 3_000 }), { maxLength: 400 });
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 3_000 }), gaps, (shortestMs, asked) => {
        const pace = new LeasePace(shortestMs);
        let nowMs = 0;
        for (const gapMs of asked) {
          nowMs += gapMs;
          const leaseMs = pace.next(nowMs);
          expect(leaseMs).toBeGreaterThanOrEqual(shortestMs);
          expect(leaseMs).toBeLessThanOrEqual(pace.longestMs);
        }
      }),
    );
  });

  it("keep 10,000 holders that renew at half-life near what their length allows", () => {
    const pace = new LeasePace(3_000);
    const dueMs = Array.from({ length: 10_000 }, (_, holder) => (holder * 7) % 3_000);
    const perSecond: number[] = [];
    for (let nowMs = 0; nowMs < 180_000; nowMs += 50) {
      for (const [holder, due] of dueMs.entries()) {
        if (due > nowMs) continue;
        dueMs[holder] = nowMs + pace.next(nowMs) / 2;
        const second = Math.floor(nowMs / 1_000);
        perSecond[second] = (perSecond[second] ?? 0) + 1;
      }
    }
    const steady = perSecond.slice(60);
    const average = steady.reduce((sum, count) => sum + count, 0) / steady.length;
    // At half of 30 s nobody can renew less often than this.
    expect(average).toBeLessThan(1.2 * (10_000 / (pace.longestMs / 2_000)));
  });

  it("are as long as a busy holder needs for its own, and no longer than ever", () => {
    const tenant = new LeasePace(1_000);
    expect(tenant.neededAboveMs).toBe(0);
    for (let asks = 0; asks < 400; asks += 1) tenant.next(0);
    expect(tenant.neededAboveMs).toBe(2 * tenant.next(0));
    const platform = new LeasePace(1_000);
    expect(platform.next(0, 4_000)).toBe(4_000);
    expect(platform.next(0, 60_000)).toBe(platform.longestMs);
  });

  it("become short again when the crowd is gone", () => {
    const pace = new LeasePace(1_000);
    for (let asks = 0; asks < 3_000; asks += 1) pace.next(0);
    expect(pace.next(1_000)).toBeGreaterThan(1_000);
    for (let second = 2; second < 40; second += 1) pace.next(second * 1_000);
    expect(pace.next(41_000)).toBe(1_000);
  });
});

it("numbers are given once, across crashes, and every gap is named", () => {
  const step = fc.constantFrom("take" as const, "take busy" as const, "close" as const, "crash" as const);
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      let stored: NumberBlock = { given: 0, until: 0 };
      let numbers = new RecordNumbers(stored);
      const given = new Set<number>();
      const named = new Set<number>();
      let last = 0;
      for (const kind of steps) {
        if (kind === "crash") {
          numbers = new RecordNumbers(stored);
          const skipped = numbers.takeSkipped();
          for (let n = skipped?.from ?? 1; n <= (skipped?.to ?? 0); n += 1) named.add(n);
          expect(numbers.takeSkipped()).toBeNull();
          continue;
        }
        if (kind === "close") {
          numbers.close();
        } else {
          const n = numbers.take(kind === "take busy");
          expect(given.has(n)).toBe(false);
          expect(n).toBeGreaterThan(last);
          given.add(n);
          last = n;
        }
        stored = numbers.takeToStore() ?? stored;
        expect(stored.until).toBeGreaterThanOrEqual(last);
      }
      for (let n = 1; n <= last; n += 1) expect(given.has(n) || named.has(n)).toBe(true);
    }),
  );
});
