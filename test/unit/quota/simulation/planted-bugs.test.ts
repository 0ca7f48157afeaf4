import { expect, it } from "vitest";
import { plantedBugs } from "./planted-bugs.ts";
import type { Scenario } from "./scenario.ts";
import { simulate } from "./simulate.ts";

const SEEDS = 60;

const harsh: Omit<Scenario, "seed"> = {
  agents: 3,
  leaseMs: 1_000,
  room: 5,
  start: "midday",
  clocksApartMs: 30_000,
  loss: 0.03,
  duplicates: 0.1,
  slow: 0.05,
  deaths: 0.02,
  crashesPerMinute: 10,
  stepsBackPerMinute: 1,
  writesPerMinute: 10,
  phases: [
    { kind: "quiet", seconds: 40 },
    { kind: "busy", seconds: 2 },
    { kind: "quiet", seconds: 20 },
  ],
};

it.each(plantedBugs)(
  "catches: $name",
  async ({ distortions, plant, scenario, caughtAs }) => {
    const takeOut = plant?.();
    try {
      const seen: string[] = [];
      for (let seed = 1; seed <= SEEDS; seed += 1) {
        const { violations } = await simulate({ ...harsh, ...scenario, seed }, distortions);
        seen.push(...violations);
        if (violations.some((violation) => caughtAs.test(violation))) {
          if (process.env.SIMULATION_SHOW) console.log(seed, violations);
          return;
        }
      }
      expect.fail(`not caught by ${SEEDS} stories; seen: ${seen.join("; ")}`);
    } finally {
      takeOut?.();
    }
  },
  60_000,
);

it.each(plantedBugs)("sees nothing where this is not planted: $name", async ({ scenario }) => {
  for (let seed = 1; seed <= 2; seed += 1) {
    expect((await simulate({ ...harsh, ...scenario, seed })).violations).toEqual([]);
  }
});
