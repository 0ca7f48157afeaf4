import fc from "fast-check";
import { expect, it } from "vitest";
import { scenarios } from "./scenario.ts";
import { simulate } from "./simulate.ts";

it("holds", async () => {
  let steps = 0;
  const tally = new Map<string, number>();
  const seed = Number(process.env.SIMULATION_SEED ?? 1);
  try {
    await fc.assert(
      fc.asyncProperty(scenarios, async (scenario) => {
        const outcome = await simulate(scenario);
        steps += outcome.steps;
        for (const [what, count] of outcome.tally) tally.set(what, (tally.get(what) ?? 0) + count);
        expect(outcome.violations).toEqual([]);
      }),
      {
        seed,
        endOnFailure: process.env.SIMULATION_NOSHRINK === "1",
        noBias: true,
        interruptAfterTimeLimit: Number(process.env.SIMULATION_MS ?? 60_000),
        numRuns: Number(process.env.SIMULATION_RUNS ?? 20),
      },
    );
  } finally {
    console.log(steps, tally);
  }
}, 300_000);
