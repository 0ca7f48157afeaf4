// A question and what became of it, and timers that pass when the test says so.
import type { ByteChannel } from "../../../src/gateway/pass-split.ts";
import type { Allowed, Question } from "../../../src/gateway/question.ts";
import type { Renewals } from "../../../src/gateway/renewals.ts";
import type { Clock, StartTimer } from "../../../src/kernel/clock.ts";
import { DecisionId, ReservationId } from "../../../src/kernel/ids.ts";
import { backendOf, deploymentOf } from "../azure/azure-fixture.ts";
import {
  ask,
  capability,
  firstCandidate,
  judge,
  place,
  policyOf,
  snapshotOf,
} from "../policy/decide-fixture.ts";

export const decisionId = DecisionId.parse(`decision_${"0".repeat(31)}1`);
export const firstDecisionId = DecisionId.parse(`decision_${"0".repeat(31)}2`);

export const question: Question = {
  requestId: "request_1",
  decisionId,
  surface: "relay",
  purpose: "relay",
  capability,
  proof: null,
  place,
  classification: "internal",
  action: "chat",
  resource: "api://azure-openai/models/gpt-4",
  deploymentInPath: "gpt-4",
  understand: () => Promise.reject(new Error("not asked here")),
};

export function allowedWith(constraints: Record<string, unknown>): Allowed {
  const verdict = judge([policyOf({ constraints })]);
  return {
    kind: "allowed",
    snapshot: snapshotOf([policyOf({ constraints })]),
    ask: { ...ask, endUser: "hash-of-user" },
    deployment: deploymentOf({ backends: [backendOf()] }),
    candidate: firstCandidate(verdict),
    trace: verdict.trace,
    reserved: {
      outcome: "reserved",
      candidate: 0,
      decisionId: firstDecisionId,
      reservationId: ReservationId.parse(`reservation_${"0".repeat(32)}`),
      replayed: true,
      reservedTokens: 1_000,
      relayMaxMs: 600_000,
      limits: [
        { owner: "o", scope: "agent", meter: "tokens", window: "day", limit: 9, left: 3, resetsAtMs: 1 },
      ],
      revisions: { tenant: 4, platform: 5 },
      number: { source: "agent/x", n: 7 },
    },
  };
}

/** A channel that holds nothing: a write is over when it was read, as with the platform's own. */
export function newByteChannel(): ByteChannel {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>(undefined, undefined, {
    highWaterMark: 0,
  });
  const reader = readable.getReader();
  const bytes = new ReadableStream({
    type: "bytes",
    async pull(controller: ReadableByteStreamController) {
      const { done, value } = await reader.read();
      if (!done) controller.enqueue(value.slice());
      else {
        controller.close();
        // A read that waits with its own buffer ends with an answer to it (Streams standard, section 4.7).
        controller.byobRequest?.respond(0);
      }
    },
    cancel: (reason) => reader.cancel(reason),
  });
  return { readable: bytes, writable };
}

/** A call that never outlasts its reservation. */
export const noRenewals = (): Renewals => ({ dueInMs: Number.POSITIVE_INFINITY, passed() {}, stop() {} });

/** Time that passes when told to, timer by timer: one that is started while it passes is kept as well. */
export function createManualTimers() {
  let nowMs = 0;
  const timers = new Set<{ readonly atMs: number; readonly fire: () => void }>();
  const startTimer: StartTimer = (ms, fire) => {
    const timer = { atMs: nowMs + ms, fire };
    timers.add(timer);
    return () => timers.delete(timer);
  };
  const clock: Clock = () => nowMs;
  return {
    startTimer,
    clock,
    get running() {
      return timers.size;
    },
    pass(ms: number) {
      const untilMs = nowMs + ms;
      for (;;) {
        const [next] = [...timers].toSorted((left, right) => left.atMs - right.atMs);
        if (next === undefined || next.atMs > untilMs) break;
        nowMs = next.atMs;
        timers.delete(next);
        next.fire();
      }
      nowMs = untilMs;
    },
  };
}
