// Many limits on one timer: each fires when it is due and not before, a stopped one never, and one timer is enough.
import fc from "fast-check";
import { expect, it } from "vitest";
import { sharedTimer } from "../../../src/kernel/shared-timer.ts";

function manualTime() {
  let nowMs = 0;
  const timers: { readonly atMs: number; readonly fire: () => void }[] = [];
  return {
    clock: () => nowMs,
    started: () => timers.length,
    startTimer: (ms: number, fire: () => void) => {
      timers.push({ atMs: nowMs + ms, fire });
      return () => undefined;
    },
    passTo(ms: number) {
      for (;;) {
        const due = timers
          .filter(({ atMs }) => atMs <= ms)
          .toSorted((one, other) => one.atMs - other.atMs)[0];
        if (due === undefined) break;
        timers.splice(timers.indexOf(due), 1);
        nowMs = due.atMs;
        due.fire();
      }
      nowMs = ms;
    },
  };
}

it("fires every limit at its time unless it was stopped, in any order of starts and stops", () => {
  const step = fc.record({
    ms: fc.integer({ min: 0, max: 5_000 }),
    waitMs: fc.integer({ min: 0, max: 900 }),
    stop: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      const time = manualTime();
      const start = sharedTimer(time.startTimer, time.clock);
      const expected: number[] = [];
      const fired: number[] = [];
      let nowMs = 0;
      for (const { ms, waitMs, stop } of steps) {
        const dueMs = nowMs + ms;
        const end = start(ms, () => fired.push(time.clock() - dueMs));
        if (stop) end();
        else expected.push(dueMs);
        nowMs += waitMs;
        time.passTo(nowMs);
      }
      time.passTo(nowMs + 10_000);
      expect(fired).toHaveLength(expected.length);
      expect(fired.every((lateMs) => lateMs === 0)).toBe(true);
    }),
  );
});

it("needs one timer for limits that are all stopped in time", () => {
  const time = manualTime();
  const start = sharedTimer(time.startTimer, time.clock);
  for (let index = 0; index < 5; index += 1) start(10_000, () => undefined)();
  const stop = start(2_000, () => undefined);
  stop();
  expect(time.started()).toBe(1);
  time.passTo(20_000);
  expect(time.started()).toBe(0);
});
