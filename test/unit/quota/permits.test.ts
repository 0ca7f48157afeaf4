import fc from "fast-check";
import { expect, it } from "vitest";
import { ReservationId, TenantId } from "../../../src/kernel/ids.ts";
import type { TenantReserve } from "../../../src/quota/contracts.ts";
import { counterName, type LimitClaim } from "../../../src/quota/limit-claim.ts";
import { Permits } from "../../../src/quota/permits.ts";

const claim: LimitClaim = {
  owner: "policy:a",
  scope: "tenant",
  subject: null,
  meter: "concurrent",
  window: "open",
  limit: 2,
  amount: 1,
};
const idOf = (index: number) => ReservationId.parse(`reservation_${index.toString(16).padStart(32, "0")}`);
const ask = (index: number, expiresInMs = 1_000): TenantReserve => ({
  v: 1,
  scope: TenantId.parse("t"),
  home: "global",
  reservationId: idOf(index),
  claims: [claim],
  expiresInMs,
});
const underWay = (permits: Permits) => permits.underWay(counterName(claim));

it("lets no more under way than the limit, and the next when one is over", () => {
  const permits = new Permits([]);
  expect([1, 2, 3].map((index) => permits.ask(ask(index), 0).permitted)).toEqual([true, true, false]);
  permits.release(idOf(1));
  expect(permits.ask(ask(4), 0).permitted).toBe(true);
});

it("counts a repeated ask once", () => {
  const permits = new Permits([]);
  for (let repeats = 0; repeats < 3; repeats += 1) expect(permits.ask(ask(1), repeats).permitted).toBe(true);
  expect(underWay(permits)).toBe(1);
});

it("does not begin a call whose end came first", () => {
  const permits = new Permits([]);
  permits.release(idOf(1));
  expect(() => permits.ask(ask(1), 0)).toThrow("over");
  expect(underWay(permits)).toBe(0);
});

it("gives up a call that never ends, and tells whose", () => {
  const permits = new Permits([]);
  permits.ask(ask(1, 500), 0);
  permits.ask(ask(2, 900), 0);
  expect(permits.nextExpiryMs()).toBe(500);
  expect([permits.expire(499), permits.expire(500), permits.nextExpiryMs()]).toEqual([[], [idOf(1)], 900]);
});

it("counts what is stored, in any order of asks, ends, expiries and restarts", () => {
  const step = fc.record({
    kind: fc.constantFrom("ask", "release", "expire", "restart"),
    index: fc.nat(5),
    gapMs: fc.nat(600),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let permits = new Permits([]);
      let nowMs = 0;
      const open = new Map<number, { readonly expiresAtMs: number }>();
      const stored = () =>
        [...open].map(([index, { expiresAtMs }]) => ({
          reservationId: idOf(index),
          expiresAtMs,
          counters: [counterName(claim)],
        }));
      const over = new Set<number>();
      for (const { kind, index, gapMs } of steps) {
        nowMs += gapMs;
        if (kind === "restart") {
          permits = new Permits(stored());
          over.clear();
        } else if (kind === "expire") {
          permits.expire(nowMs);
          for (const [one, { expiresAtMs }] of open) if (expiresAtMs <= nowMs) open.delete(one);
        } else if (kind === "release") {
          permits.release(idOf(index));
          open.delete(index);
          over.add(index);
        } else if (!over.has(index)) {
          const others = [...open.keys()].filter((one) => one !== index).length;
          const { permitted } = permits.ask(ask(index), nowMs);
          expect(permitted).toBe(others < claim.limit);
          open.delete(index);
          if (permitted) open.set(index, { expiresAtMs: nowMs + 1_000 });
        }
        expect(underWay(permits)).toBe(open.size);
      }
    }),
  );
});
