// However calls and failures come, Azure sees a bounded share of calls beyond those that there are.
import fc from "fast-check";
import { expect, it } from "vitest";
import { createRetryBudget } from "../../../src/azure/retry-budget.ts";
import { CALLS_PER_FAILOVER, MAX_FAILOVERS_AT_HAND } from "../../../src/kernel/limits.ts";

it("further calls are at most a tenth of the calls, and those at hand, in every stretch of time", () => {
  const moves = fc.array(fc.oneof({ weight: 3, arbitrary: fc.constant("call") }, fc.constant("failover")), {
    maxLength: 600,
  });
  fc.assert(
    fc.property(moves, (sequence) => {
      const budget = createRetryBudget();
      const taken = sequence.map((move) => {
        if (move === "call") budget.earn();
        else {
          const { hasRoom } = budget;
          expect(budget.take()).toBe(hasRoom);
          return hasRoom;
        }
        return false;
      });
      for (let from = 0; from < sequence.length; from += 37) {
        const calls = sequence.slice(from).filter((move) => move === "call").length;
        const further = taken.slice(from).filter(Boolean).length;
        expect(further).toBeLessThanOrEqual(MAX_FAILOVERS_AT_HAND + calls / CALLS_PER_FAILOVER);
      }
    }),
  );
});

it("is at most 1.2 calls of Azure per call when everything fails twice, from the hundredth on", () => {
  const budget = createRetryBudget();
  let atAzure = 0;
  for (let calls = 1; calls <= 1_000; calls += 1) {
    budget.earn();
    atAzure += 1;
    for (let attempt = 1; attempt < 3 && budget.take(); attempt += 1) atAzure += 1;
    if (calls >= 100) expect(atAzure / calls).toBeLessThanOrEqual(1.2);
  }
  expect(atAzure / 1_000).toBeLessThan(1.12);
});

it("is refilled by calls that need none", () => {
  const budget = createRetryBudget();
  while (budget.take());
  for (let calls = 1; calls < CALLS_PER_FAILOVER; calls += 1) budget.earn();
  expect(budget.take()).toBe(false);
  budget.earn();
  expect(budget.take()).toBe(true);
});
