// Readiness: which store is ill, in bounded time, and without becoming an amplifier.
import { expect, it, vi } from "vitest";
import { createReadiness, type Probe } from "../../../src/gateway/readiness.ts";
import { PROBE_MAX_MS, READINESS_KEPT_MS } from "../../../src/kernel/limits.ts";
import { createManualTimers } from "./gateway-fixture.ts";

function readinessOf(probes: Readonly<Record<string, Probe>>) {
  const timers = createManualTimers();
  let nowMs = 0;
  const readiness = createReadiness({ probes, clock: () => nowMs, startTimer: timers.startTimer });
  return { readiness, timers, pass: (ms: number) => (nowMs += ms) };
}

const well: Probe = async () => {};
const throwing: Probe = () => {
  throw new Error("not bound");
};

it("is ready when every store answers, and leaves no timer behind", async () => {
  const { readiness, timers } = readinessOf({ "global.db": well, "eu.kv": well });
  expect(await readiness()).toEqual({ isReady: true, stores: { "global.db": "ok", "eu.kv": "ok" } });
  expect(timers.running).toBe(0);
});

it("says which store rejects, throws or hangs", async () => {
  const { readiness, timers } = readinessOf({
    "global.db": well,
    "global.kv": () => Promise.reject(new Error("ill")),
    "eu.queue": throwing,
    "eu.ledger": () => new Promise(() => {}),
  });
  const checked = readiness();
  await vi.waitFor(() => expect(timers.running).toBe(1));
  timers.pass(PROBE_MAX_MS);
  expect(await checked).toEqual({
    isReady: false,
    stores: { "global.db": "ok", "global.kv": "ill", "eu.queue": "ill", "eu.ledger": "ill" },
  });
});

it("asks the stores once in a while, however often it is asked itself, and then again", async () => {
  let asked = 0;
  let isWell = true;
  const { readiness, pass } = readinessOf({
    "global.db": async () => {
      asked += 1;
      if (!isWell) throw new Error("ill");
    },
  });
  const [first, meanwhile] = await Promise.all([readiness(), readiness()]);
  expect(first.isReady).toBe(true);
  // The first check of an isolate: whoever comes meanwhile is not told that it is ready before it is known.
  expect(meanwhile).toEqual({ isReady: false, stores: {} });
  isWell = false;
  expect((await readiness()).isReady).toBe(true);
  pass(READINESS_KEPT_MS);
  expect((await readiness()).isReady).toBe(false);
  expect(asked).toBe(2);
});
