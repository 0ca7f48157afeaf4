/** What a simulated world is made of: every member shrinks towards a quiet, orderly one. */
import fc from "fast-check";

export interface Phase {
  readonly kind: "quiet" | "busy" | "idle";
  readonly seconds: number;
}

export interface Scenario {
  readonly seed: number;
  readonly agents: number;
  readonly leaseMs: number;
  /** How much limits allow, from almost nothing to almost everything. */
  readonly room: number;
  /** At which moment of the calendar it starts, in seconds before its end. */
  readonly start: "midday" | "midnight" | "month end";
  readonly clocksApartMs: number;
  readonly loss: number;
  readonly duplicates: number;
  readonly slow: number;
  /** Of Workers, at each of their waits. */
  readonly deaths: number;
  readonly crashesPerMinute: number;
  readonly stepsBackPerMinute: number;
  readonly writesPerMinute: number;
  readonly phases: readonly Phase[];
}

export const START_MS: Record<Scenario["start"], number> = {
  midday: Date.UTC(2027, 0, 14, 12),
  midnight: Date.UTC(2027, 0, 14, 23, 58, 40),
  "month end": Date.UTC(2028, 1, 29, 23, 58, 40),
};

const share = (most: number) => fc.integer({ min: 0, max: most }).map((percent) => percent / 100);

const phase: fc.Arbitrary<Phase> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("quiet" as const), seconds: fc.integer({ min: 5, max: 50 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("busy" as const), seconds: fc.integer({ min: 1, max: 4 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("idle" as const), seconds: fc.integer({ min: 1, max: 70 }) }),
  },
);

export const scenarios: fc.Arbitrary<Scenario> = fc.record({
  seed: fc.integer({ min: 0, max: 0x7fffffff }),
  agents: fc.integer({ min: 1, max: 4 }),
  leaseMs: fc.constantFrom(3_000, 1_000, 2_000),
  room: fc.integer({ min: 1, max: 100 }),
  start: fc.constantFrom("midday" as const, "midnight" as const, "month end" as const),
  clocksApartMs: fc.integer({ min: 0, max: 30_000 }),
  loss: share(4),
  duplicates: share(8),
  slow: share(3),
  deaths: share(4),
  crashesPerMinute: fc.integer({ min: 0, max: 20 }),
  stepsBackPerMinute: fc.integer({ min: 0, max: 3 }),
  writesPerMinute: fc.integer({ min: 0, max: 12 }),
  phases: fc.array(phase, { minLength: 1, maxLength: 5 }),
});
