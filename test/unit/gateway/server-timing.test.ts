// The Server-Timing header: each stage by its time, repeats added up, failures included.
import { expect, it } from "vitest";
import { createServerTiming } from "../../../src/gateway/server-timing.ts";

it("names each stage in order, adds up repeats, and tells the total", async () => {
  let nowMs = 1_000;
  const timing = createServerTiming(() => nowMs);
  const taking = (ms: number) => async () => {
    nowMs += ms;
    return ms;
  };
  expect(timing.header()).toBe("total;dur=0");
  await timing.measure("authenticate", taking(0));
  expect(await timing.measure("snapshot", taking(7))).toBe(7);
  await timing.measure("reserve", taking(4));
  await timing.measure("snapshot", taking(2));
  nowMs += 10;
  expect(timing.header()).toBe("authenticate;dur=0, snapshot;dur=9, reserve;dur=4, total;dur=23");
});

it("measures a stage that fails, and lets the failure pass", async () => {
  let nowMs = 0;
  const timing = createServerTiming(() => nowMs);
  const failing = async () => {
    nowMs += 30;
    throw new Error("ill");
  };
  await expect(timing.measure("upstream", failing)).rejects.toThrow("ill");
  expect(timing.header()).toBe("upstream;dur=30, total;dur=30");
});

it("never reads negative when the clock steps back", async () => {
  let nowMs = 100;
  const timing = createServerTiming(() => nowMs);
  await timing.measure("reserve", async () => {
    nowMs = 50;
  });
  expect(timing.header()).toBe("reserve;dur=0, total;dur=0");
});
