// Work that takes too long is given up; work that does not leaves no timer behind.
import { expect, it } from "vitest";
import { withinLimit } from "../../../src/kernel/within-limit.ts";
import { createManualTimers } from "../gateway/gateway-fixture.ts";

it("gives what the work gives, and keeps no timer", async () => {
  const timers = createManualTimers();
  expect(await withinLimit(timers.startTimer, 10, Promise.resolve("done"))).toBe("done");
  expect(timers.running).toBe(0);
});

it("fails as the work fails, and keeps no timer", async () => {
  const timers = createManualTimers();
  await expect(withinLimit(timers.startTimer, 10, Promise.reject(new Error("ill")))).rejects.toThrow("ill");
  expect(timers.running).toBe(0);
});

it("fails at the limit and not before; what the work brings later is nobody's", async () => {
  const timers = createManualTimers();
  const late = Promise.withResolvers<string>();
  let failed = false;
  const limited = withinLimit(timers.startTimer, 10, late.promise).catch(() => {
    failed = true;
  });
  timers.pass(9);
  await Promise.resolve();
  expect(failed).toBe(false);
  timers.pass(1);
  await limited;
  expect(failed).toBe(true);
  // Would fail the test run as an unhandled rejection.
  late.reject(new Error("later"));
  await new Promise((resolve) => setImmediate(resolve));
});
