// One signal with one reason: headers, deadline, or a caller who has been gone for long enough.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createUpstreamCutoff } from "../../../src/gateway/upstream-cutoff.ts";
import {
  DRAIN_MAX_MS,
  RENEW_EVERY_MS,
  UPSTREAM_HEADERS_MAX_MS,
  UPSTREAM_IDLE_MAX_MS,
  UPSTREAM_STREAM_HEADERS_MAX_MS,
} from "../../../src/kernel/limits.ts";
import { createManualTimers, noRenewals } from "./gateway-fixture.ts";

const RELAY_MAX_MS = 600_000;

function started(relayMaxMs = RELAY_MAX_MS) {
  const timers = createManualTimers();
  const client = new AbortController();
  const cutoff = createUpstreamCutoff(timers, client.signal, relayMaxMs, noRenewals);
  return { timers, client, cutoff };
}

describe("the cutoff", () => {
  it("comes when no headers arrived in time, and not a millisecond earlier", () => {
    const { timers, cutoff } = started();
    timers.pass(UPSTREAM_HEADERS_MAX_MS - 1);
    expect([cutoff.signal.aborted, cutoff.reason]).toEqual([false, null]);
    timers.pass(1);
    expect([cutoff.signal.aborted, cutoff.reason]).toEqual([true, "upstream_timeout"]);
  });

  it("comes at the deadline once headers arrived", () => {
    const { timers, cutoff } = started();
    cutoff.headersArrived();
    timers.pass(RELAY_MAX_MS - 1);
    expect(cutoff.signal.aborted).toBe(false);
    timers.pass(1);
    expect([cutoff.signal.aborted, cutoff.reason]).toEqual([true, "relay_deadline"]);
  });

  it("of headers that are late ends the attempt alone: the next one's are waited for anew", () => {
    const { timers, cutoff } = started();
    const first = cutoff.signal;
    timers.pass(UPSTREAM_HEADERS_MAX_MS);
    expect([cutoff.reason, cutoff.isOver]).toEqual(["upstream_timeout", false]);
    cutoff.anotherAttempt(UPSTREAM_STREAM_HEADERS_MAX_MS);
    expect([first.aborted, cutoff.signal.aborted, cutoff.reason, cutoff.refusal]).toEqual([
      true,
      false,
      null,
      null,
    ]);
    cutoff.headersArrived();
    timers.pass(RELAY_MAX_MS - UPSTREAM_HEADERS_MAX_MS - 1);
    expect(cutoff.isOver).toBe(false);
    timers.pass(1);
    expect([cutoff.signal.aborted, cutoff.reason, cutoff.isOver]).toEqual([true, "relay_deadline", true]);
  });

  it("of a stream's headers comes sooner where it is told to, whichever attempt it is", () => {
    const timers = createManualTimers();
    const client = new AbortController();
    const renewals = () => ({ dueInMs: RENEW_EVERY_MS, passed() {}, stop() {} });
    const limitMs = UPSTREAM_STREAM_HEADERS_MAX_MS;
    const cutoff = createUpstreamCutoff(timers, client.signal, RELAY_MAX_MS, renewals, limitMs);
    timers.pass(limitMs - 1);
    expect(cutoff.reason).toBeNull();
    timers.pass(1);
    expect(cutoff.reason).toBe("upstream_timeout");
    timers.pass(7_000);
    cutoff.anotherAttempt(limitMs);
    timers.pass(limitMs - 1);
    expect(cutoff.signal.aborted).toBe(false);
    timers.pass(1);
    expect([cutoff.signal.aborted, cutoff.reason]).toEqual([true, "upstream_timeout"]);
  });

  it("keeps renewing while one attempt follows another", () => {
    const timers = createManualTimers();
    let passedMs = 0;
    const renewals = () => ({
      dueInMs: RENEW_EVERY_MS,
      passed: (ms: number) => {
        passedMs += ms;
      },
      stop() {},
    });
    const cutoff = createUpstreamCutoff(timers, new AbortController().signal, RELAY_MAX_MS, renewals);
    for (let attempt = 0; attempt < 3; attempt += 1) {
      timers.pass(UPSTREAM_HEADERS_MAX_MS);
      cutoff.anotherAttempt(UPSTREAM_HEADERS_MAX_MS);
    }
    expect(passedMs).toBe(3 * UPSTREAM_HEADERS_MAX_MS);
  });

  it("of the call ends every attempt that would still be made", () => {
    const { timers, client, cutoff } = started();
    client.abort();
    timers.pass(DRAIN_MAX_MS);
    cutoff.anotherAttempt(UPSTREAM_HEADERS_MAX_MS);
    expect([cutoff.signal.aborted, cutoff.isOver, cutoff.reason]).toEqual([true, true, "client_gone"]);
  });

  it("comes when a chunk that is waited for does not come, counted anew from each chunk", () => {
    const { timers, cutoff } = started();
    cutoff.headersArrived();
    for (let chunk = 0; chunk < 3; chunk += 1) {
      cutoff.chunkAwaited();
      timers.pass(UPSTREAM_IDLE_MAX_MS - 1);
      cutoff.chunkArrived();
    }
    timers.pass(UPSTREAM_IDLE_MAX_MS);
    expect(cutoff.signal.aborted).toBe(false);
    cutoff.chunkAwaited();
    timers.pass(UPSTREAM_IDLE_MAX_MS);
    expect([cutoff.signal.aborted, cutoff.reason]).toEqual([true, "upstream_timeout"]);
  });

  it("never waits for headers beyond the deadline", () => {
    const { timers, cutoff } = started(1_000);
    timers.pass(1_000);
    expect([cutoff.signal.aborted, cutoff.reason]).toEqual([true, "upstream_timeout"]);
  });

  it("comes exactly when the silence was too long, whenever each wait began and whatever came before", () => {
    const stretch = fc.record({
      takesMs: fc.nat({ max: UPSTREAM_IDLE_MAX_MS - 1 }),
      readMs: fc.nat({ max: 2 * UPSTREAM_IDLE_MAX_MS }),
    });
    fc.assert(
      fc.property(fc.nat({ max: UPSTREAM_HEADERS_MAX_MS - 1 }), fc.array(stretch), (headersMs, stretches) => {
        const { timers, cutoff } = started(Number.MAX_SAFE_INTEGER);
        timers.pass(headersMs);
        cutoff.headersArrived();
        for (const { takesMs, readMs } of stretches) {
          cutoff.chunkAwaited();
          timers.pass(takesMs);
          cutoff.chunkArrived();
          timers.pass(readMs);
        }
        cutoff.chunkAwaited();
        timers.pass(UPSTREAM_IDLE_MAX_MS - 1);
        expect(cutoff.signal.aborted).toBe(false);
        timers.pass(1);
        expect([cutoff.signal.aborted, cutoff.reason]).toEqual([true, "upstream_timeout"]);
        expect(timers.running).toBe(0);
      }),
    );
  });

  it("starts one timer for all of a call's chunks", () => {
    let startedTimers = 0;
    const counting = (): (() => void) => {
      startedTimers += 1;
      return () => {};
    };
    const cutoff = createUpstreamCutoff(
      { startTimer: counting, clock: () => 0 },
      new AbortController().signal,
      RELAY_MAX_MS,
      noRenewals,
    );
    cutoff.headersArrived();
    for (let chunk = 0; chunk < 100; chunk += 1) {
      cutoff.chunkAwaited();
      cutoff.chunkArrived();
    }
    cutoff.close();
    expect(startedTimers).toBe(1);
  });

  it("keeps the deadline when the clock steps back", () => {
    const timers = createManualTimers();
    const cutoff = createUpstreamCutoff(
      { startTimer: timers.startTimer, clock: () => -timers.clock() },
      new AbortController().signal,
      RELAY_MAX_MS,
      noRenewals,
    );
    cutoff.headersArrived();
    cutoff.chunkAwaited();
    timers.pass(RELAY_MAX_MS);
    expect([cutoff.signal.aborted, cutoff.reason]).toEqual([true, "relay_deadline"]);
  });

  it("comes when the caller has been gone for as long as draining is worth it", async () => {
    const { timers, client, cutoff } = started();
    cutoff.headersArrived();
    client.abort();
    await cutoff.callerLost;
    expect([cutoff.clientGone, cutoff.signal.aborted]).toEqual([true, false]);
    timers.pass(DRAIN_MAX_MS - 1);
    expect(cutoff.signal.aborted).toBe(false);
    timers.pass(1);
    expect([cutoff.signal.aborted, cutoff.reason]).toEqual([true, "client_gone"]);
  });

  it("counts a caller who had left before", async () => {
    const timers = createManualTimers();
    const cutoff = createUpstreamCutoff(timers, AbortSignal.abort(), RELAY_MAX_MS, noRenewals);
    await cutoff.callerLost;
    timers.pass(DRAIN_MAX_MS);
    expect(cutoff.reason).toBe("client_gone");
  });

  it("keeps its first reason", () => {
    const { timers, client, cutoff } = started();
    timers.pass(UPSTREAM_HEADERS_MAX_MS);
    client.abort();
    timers.pass(RELAY_MAX_MS);
    expect(cutoff.reason).toBe("upstream_timeout");
  });

  it("tells at once that nothing more is worth writing", async () => {
    const { timers, cutoff } = started();
    let lost = false;
    const hearing = cutoff.callerLost.then(() => {
      lost = true;
    });
    await Promise.resolve();
    expect(lost).toBe(false);
    timers.pass(RELAY_MAX_MS);
    await hearing;
    expect(lost).toBe(true);
  });

  it("of the gateway's own has no reason of these", () => {
    const { cutoff } = started();
    cutoff.cut();
    expect([cutoff.signal.aborted, cutoff.reason]).toEqual([true, null]);
  });

  it("leaves no timer behind when it is closed, and hears of nobody leaving", () => {
    const { timers, client, cutoff } = started();
    client.abort();
    cutoff.chunkAwaited();
    expect(timers.running).toBe(2);
    cutoff.close();
    expect(timers.running).toBe(0);
    const other = started();
    other.cutoff.close();
    other.client.abort();
    expect(other.timers.running).toBe(0);
  });
});
