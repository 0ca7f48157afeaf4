/**
 * The ledgers under everything that can go wrong, in virtual time. A failure prints the scenario, shrunk as far as it
 * still fails, and is told again by it alone: `simulate(scenario)`. SIMULATION_SEED and SIMULATION_RUNS look further.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import { scenarios } from "./scenario.ts";
import { simulate } from "./simulate.ts";

const seed = Number(process.env.SIMULATION_SEED ?? 20_271);
const numRuns = Number(process.env.SIMULATION_RUNS ?? 60);
const STEPS_AT_LEAST = 100_000;
/** Shrinking tells many stories: no longer than this. */
const TIME_MAX_MS = Number(process.env.SIMULATION_MS ?? 60_000);

/** Without each of these the simulation would have proved less than it claims. */
const mustHaveHappened = [
  "admitted",
  "crash",
  "expired",
  "forfeited",
  "lost",
  "settle settled",
  "settle corrected",
  "settle repeated",
  "settle unknown",
  "stale",
  "write answered",
  "request_rate_exceeded",
  "token_quota_exceeded",
  "cost_quota_exceeded",
  "concurrency_exceeded",
];

it(
  "is never over, loses nothing, and decides nothing under an old revision",
  async () => {
    let steps = 0;
    const happened = new Set<string>();
    await fc.assert(
      fc.asyncProperty(scenarios, async (scenario) => {
        const outcome = await simulate(scenario);
        steps += outcome.steps;
        for (const what of outcome.tally.keys()) happened.add(what);
        expect(outcome.violations).toEqual([]);
      }),
      { seed, numRuns, interruptAfterTimeLimit: TIME_MAX_MS, markInterruptAsFailure: false },
    );
    expect(steps).toBeGreaterThan(STEPS_AT_LEAST);
    expect([...happened]).toEqual(expect.arrayContaining(mustHaveHappened));
  },
  2 * TIME_MAX_MS,
);

it("tells the same story of the same scenario", async () => {
  const [scenario] = fc.sample(scenarios, { seed, numRuns: 1 });
  if (scenario === undefined) throw new Error("no scenario");
  expect(await simulate(scenario)).toEqual(await simulate(scenario));
});
