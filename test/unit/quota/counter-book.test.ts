// Counters and admission, held against an exact model of the documented rule: a bucket of a second counts until its last
// moment is 60 s old, and a call belongs to the bucket in which it was reserved.
import fc from "fast-check";
import { expect, it } from "vitest";
import { admit, roomAtMs } from "../../../src/quota/admission.ts";
import { type Charge, CounterBook, type CounterRow } from "../../../src/quota/counter-book.ts";
import { counterName, type LimitClaim } from "../../../src/quota/limit-claim.ts";
import { Chance } from "./simulation/chance.ts";

const START_MS = Date.UTC(2027, 0, 14, 12);
const STEPS = 200_000;

const claimOf = (amount: number, limit: number): LimitClaim => ({
  owner: "policy:a",
  scope: "agent",
  subject: null,
  meter: "tokens",
  window: "minute",
  limit,
  amount,
});
const COUNTER = counterName(claimOf(0, 0));

/** The seconds of the last minute, in a ring that knows nothing of buckets being made or dropped. */
class ExactMinute {
  readonly #sums = new Map<number, number>();
  #total = 0;
  #oldest = 0;

  used(nowMs: number): number {
    const firstCounting = Math.floor(nowMs / 1_000) - 60;
    if (this.#oldest === 0) this.#oldest = firstCounting;
    for (; this.#oldest < firstCounting; this.#oldest += 1) {
      this.#total -= this.#sums.get(this.#oldest) ?? 0;
      this.#sums.delete(this.#oldest);
    }
    return this.#total;
  }

  add(second: number, amount: number): void {
    if (second < this.#oldest) return;
    this.#sums.set(second, (this.#sums.get(second) ?? 0) + amount);
    this.#total += amount;
  }
}

it(`counts the sliding minute as an exact model does, over ${STEPS} steps`, () => {
  const chance = new Chance(1);
  const book = new CounterBook([]);
  const model = new ExactMinute();
  const open: Charge[] = [];
  let nowMs = START_MS;
  let differences = 0;
  let refused = 0;
  for (let step = 0; step < STEPS; step += 1) {
    nowMs += chance.between(0, 40);
    const ended = chance.happens(0.4) ? open.shift() : undefined;
    if (ended) {
      const actual = chance.between(0, Math.floor(ended.amount * 1.2));
      book.settle(ended, actual, false);
      model.used(nowMs);
      model.add(ended.bucket, actual - ended.amount);
      continue;
    }
    const claim = claimOf(chance.between(1, 100), 40_000);
    const left = claim.limit - model.used(nowMs);
    const admission = admit(book, [claim], nowMs);
    if (admission.admitted !== claim.amount <= left) differences += 1;
    if (!admission.admitted) {
      refused += 1;
      continue;
    }
    for (const planned of admission.charges) {
      if (planned.left !== left) differences += 1;
      book.reserve(planned.charge, planned.left, false);
      model.add(planned.charge.bucket, planned.charge.amount);
      open.push(planned.charge);
    }
  }
  expect(differences).toBe(0);
  expect(refused).toBeGreaterThan(1_000);
}, 60_000);

const calls = fc.array(fc.record({ gapMs: fc.nat(9_000), amount: fc.integer({ min: 1, max: 40 }) }), {
  minLength: 1,
  maxLength: 40,
});

it("says exactly when there is room, and never too early", () => {
  fc.assert(
    fc.property(calls, fc.integer({ min: 1, max: 100 }), (asked, amount) => {
      const limit = 100;
      const book = new CounterBook([]);
      let nowMs = START_MS;
      for (const { gapMs, amount } of asked) {
        nowMs += gapMs;
        const admission = admit(book, [claimOf(amount, limit)], nowMs);
        if (admission.admitted)
          for (const { charge, left } of admission.charges) book.reserve(charge, left, false);
      }
      const last = admit(book, [claimOf(amount, limit)], nowMs);
      if (last.admitted) return;
      const { resetsAtMs } = last.binding;
      expect(resetsAtMs).toBeGreaterThan(nowMs);
      expect(admit(book, [claimOf(amount, limit)], (resetsAtMs ?? 0) - 1).admitted).toBe(false);
      expect(admit(book, [claimOf(amount, limit)], resetsAtMs ?? 0).admitted).toBe(true);
    }),
  );
});

it("knows that time frees nothing of a limit that is too small", () => {
  expect(roomAtMs(new CounterBook([]), COUNTER, { limit: 10, amount: 11 }, START_MS)).toBeNull();
});

it("counts what a clock has already seen, when it steps back and forth again", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 59_000 }),
      fc.integer({ min: 0, max: 30_000 }),
      (laterMs, backMs) => {
        const book = new CounterBook([]);
        const [planned] = admittedCharges(book, 60, START_MS);
        if (planned) book.reserve(planned, 100, false);
        expect(book.used(COUNTER, START_MS + laterMs + 2_000)).toBe(laterMs + 2_000 < 61_000 ? 60 : 0);
        expect(admit(book, [claimOf(50, 100)], START_MS - backMs).admitted).toBe(false);
      },
    ),
  );
});

const admittedCharges = (book: CounterBook, amount: number, nowMs: number): readonly Charge[] => {
  const admission = admit(book, [claimOf(amount, 100)], nowMs);
  return admission.admitted ? admission.charges.map(({ charge }) => charge) : [];
};

it("charges one call once where two limits share a counter, and both bind", () => {
  const book = new CounterBook([]);
  const both = (first: number, second: number) =>
    admit(book, [claimOf(7, first), claimOf(7, second)], START_MS);
  const admission = both(10, 9);
  expect(admission.admitted && admission.charges.map(({ charge, left }) => [charge.amount, left])).toEqual([
    [7, 9],
  ]);
  expect([both(6, 9).admitted, both(10, 6).admitted]).toEqual([false, false]);
});

it("stores no less than what is used, whatever is stored when, and counts what is stored after a crash", () => {
  const step = fc.record({
    kind: fc.constantFrom("reserve", "settle", "write", "write ahead"),
    amount: fc.integer({ min: 1, max: 30 }),
    floats: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const book = new CounterBook([]);
      const rows = new Map<number, CounterRow>();
      const open: { readonly charge: Charge; readonly floats: boolean }[] = [];
      const store = (ahead: boolean) => {
        for (const row of book.takeRows(ahead ? () => 20 : null)) rows.set(row.bucket, row);
      };
      for (const { kind, amount, floats } of steps) {
        const charge: Charge = { counter: COUNTER, window: "minute", bucket: 1, meter: "tokens", amount };
        if (kind === "reserve") {
          book.reserve(charge, 1_000, floats);
          open.push({ charge, floats });
        } else if (kind === "settle") {
          const ended = open.shift();
          if (ended) book.settle(ended.charge, amount, ended.floats);
        }
        store(kind !== "write");
        const row = rows.get(1);
        const stored = (row?.used ?? 0) + (row?.ahead ?? 0);
        expect(stored).toBeGreaterThanOrEqual(book.usedIn(COUNTER, 1));
        expect(new CounterBook([...rows.values()]).usedIn(COUNTER, 1)).toBe(stored);
      }
    }),
  );
});

it("stores at once what the end of a stored reservation gives back, though the bucket is covered", () => {
  const book = new CounterBook([]);
  const charge: Charge = { counter: COUNTER, window: "minute", bucket: 1, meter: "tokens", amount: 30 };
  book.reserve(charge, 1_000, false);
  book.takeRows(() => 20);
  book.settle(charge, 10, false);
  expect(book.takeRows(() => 20)).toEqual([
    { counter: COUNTER, window: "minute", bucket: 1, used: 10, ahead: 20 },
  ]);
});
