// A long call keeps its reservation, survives a ledger that is away for a while, and ends where it may not go on.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CutByLedger, createRenewals } from "../../../src/gateway/renewals.ts";
import { createUpstreamCutoff } from "../../../src/gateway/upstream-cutoff.ts";
import {
  DRAIN_MAX_MS,
  RELAY_RESERVATION_MS,
  RENEW_AGAIN_MS,
  RENEW_EVERY_MS,
  RESERVATION_GRACE_MS,
} from "../../../src/kernel/limits.ts";
import { type Refusal, refuse } from "../../../src/kernel/refusal.ts";
import { fail, ok, type Result } from "../../../src/kernel/result.ts";
import type { RenewReply } from "../../../src/quota/contracts.ts";
import { ledgerRefusal } from "../../../src/quota/ledger-refusal.ts";
import { createManualTimers } from "./gateway-fixture.ts";

const RELAY_MAX_MS = 600_000;
const GIVE_UP_MS = RELAY_RESERVATION_MS - RESERVATION_GRACE_MS;
const renewed: Result<RenewReply, Refusal> = ok({ outcome: "renewed" });
const unreachable: Result<RenewReply, Refusal> = fail(refuse("ledger_unavailable"));

type Renew = (nowMs: number) => Result<RenewReply, Refusal> | Promise<Result<RenewReply, Refusal>>;

/** A call under way, of which the headers have come. */
function underWay(answer: Renew) {
  const timers = createManualTimers();
  const askedAtMs: number[] = [];
  const client = new AbortController();
  const renew = async () => {
    askedAtMs.push(timers.clock());
    return answer(timers.clock());
  };
  const cutoff = createUpstreamCutoff(timers, client.signal, RELAY_MAX_MS, (cut: CutByLedger) =>
    createRenewals(timers, renew, cut),
  );
  cutoff.headersArrived();
  return {
    timers,
    client,
    cutoff,
    askedAtMs,
    /** Second by second, with room for answers in between. */
    async pass(ms: number) {
      for (let passedMs = 0; passedMs < ms; passedMs += 1_000) {
        timers.pass(1_000);
        for (let turns = 0; turns < 5; turns += 1) await Promise.resolve();
      }
    },
  };
}

describe("a call under way", () => {
  it("asks nothing and starts nothing more while it is short", async () => {
    const { askedAtMs, cutoff, timers, pass } = underWay(() => renewed);
    await pass(RENEW_EVERY_MS - 1_000);
    expect(timers.running).toBe(1);
    cutoff.close();
    expect([askedAtMs, timers.running]).toEqual([[], 0]);
  });

  it("renews at regular times until it reaches its own deadline", async () => {
    const { askedAtMs, cutoff, pass } = underWay(() => renewed);
    await pass(RELAY_MAX_MS - 1_000);
    expect(cutoff.reason).toBeNull();
    const times = RELAY_MAX_MS / RENEW_EVERY_MS - 1;
    expect(askedAtMs).toEqual(Array.from({ length: times }, (_, index) => (index + 1) * RENEW_EVERY_MS));
    await pass(1_000);
    expect(cutoff.reason).toBe("relay_deadline");
  });

  it("is cut with the ledger's refusal where the agent may not go on", async () => {
    const refusal = ledgerRefusal("agent_disabled");
    const { cutoff, timers, askedAtMs, pass } = underWay((nowMs) =>
      nowMs < 2 * RENEW_EVERY_MS ? renewed : ok({ outcome: "refused", refusal }),
    );
    await pass(2 * RENEW_EVERY_MS);
    expect(cutoff).toMatchObject({ reason: "revoked", refusal, signal: { aborted: true } });
    expect(askedAtMs).toHaveLength(2);
    cutoff.close();
    expect(timers.running).toBe(0);
  });

  it("is cut as too long where its reservation is not open any more", async () => {
    const { cutoff, pass } = underWay(() => ok({ outcome: "unknown" }));
    await pass(RENEW_EVERY_MS);
    expect(cutoff).toMatchObject({ reason: "relay_deadline", refusal: { code: "relay_deadline" } });
  });

  it("asks no more once its caller has gone, since draining is shorter than the reservation", async () => {
    const { client, cutoff, askedAtMs, pass } = underWay(() => unreachable);
    await pass(RENEW_EVERY_MS + 2 * RENEW_AGAIN_MS);
    const asked = askedAtMs.length;
    client.abort();
    await pass(DRAIN_MAX_MS);
    expect([askedAtMs.length, cutoff.reason]).toEqual([asked, "client_gone"]);
    expect(GIVE_UP_MS + DRAIN_MAX_MS).toBeLessThan(RELAY_RESERVATION_MS);
  });

  it("hears no answer that comes after its end", async () => {
    const late = Promise.withResolvers<Result<RenewReply, Refusal>>();
    const { cutoff, timers, pass } = underWay(() => late.promise);
    await pass(RENEW_EVERY_MS);
    cutoff.close();
    late.resolve(unreachable);
    await pass(RENEW_EVERY_MS);
    expect([cutoff.reason, timers.running]).toEqual([null, 0]);
  });
});

describe("a ledger that cannot be reached", () => {
  it("for a while is asked again soon, and the call goes on", async () => {
    const backAtMs = RENEW_EVERY_MS + 2 * RENEW_AGAIN_MS;
    const { askedAtMs, cutoff, pass } = underWay((nowMs) => (nowMs < backAtMs ? unreachable : renewed));
    await pass(4 * RENEW_EVERY_MS);
    expect(cutoff.reason).toBeNull();
    const again = [RENEW_EVERY_MS, RENEW_EVERY_MS + RENEW_AGAIN_MS, backAtMs];
    expect(askedAtMs).toEqual([...again, ...[2, 3, 4].map((nth) => nth * RENEW_EVERY_MS)]);
  });

  it.each([
    ["refuses every call", () => unreachable],
    ["answers none", () => new Promise<never>(() => {})],
  ])("and %s: the call ends before its reservation does", async (_, answer) => {
    const { cutoff, pass } = underWay(answer);
    await pass(GIVE_UP_MS - 1_000);
    expect(cutoff.reason).toBeNull();
    await pass(1_000);
    expect(cutoff).toMatchObject({ reason: "relay_deadline", refusal: { code: "relay_deadline" } });
  });

  it("never lets a call outlast its reservation, whenever it is away", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.boolean(), { maxLength: 60 }), async (answers) => {
        let lastMs = 0;
        let nth = 0;
        const call = underWay((nowMs) => {
          nth += 1;
          if (answers[nth - 1] !== true) return unreachable;
          lastMs = nowMs;
          return renewed;
        });
        while (call.cutoff.reason === null) {
          await call.pass(1_000);
          expect(call.timers.clock() - lastMs).toBeLessThanOrEqual(GIVE_UP_MS);
        }
        // Nor is a call cut that was renewed within the last wait.
        const isOver = call.timers.clock() >= RELAY_MAX_MS;
        expect(isOver || call.timers.clock() - lastMs > RENEW_EVERY_MS).toBe(true);
      }),
      { numRuns: 50 },
    );
  });
});
