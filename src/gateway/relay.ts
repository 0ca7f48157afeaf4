/**
 * Relay: an allowed call goes to a backend that keeps the tenant's promise, to the next one where that fails before any
 * byte went to the caller, and the answer comes back. The decision's record is sent, and the receipt signed, while Azure
 * is called; the record is accepted before the caller's first byte (before Azure is called under `auditLogging:
 * detailed`). Whatever happens to caller or Azure, every reservation is settled once.
 */
import { type Refusal, refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { headersMaxMs, type Made, makeAttempt } from "./attempt.ts";
import { backendFor } from "./backend-for.ts";
import { bindAnswer } from "./bind-answer.ts";
import { decisionRecordOf } from "./decision-record.ts";
import { deliverRecord } from "./deliver-record.ts";
import type { GatewayPorts } from "./gateway-ports.ts";
import { hasFailed, nextAttempt, type Unanswered } from "./next-attempt.ts";
import type { Allowed } from "./question.ts";
import { relayBytes } from "./relay-bytes.ts";
import { isEventStream, relayStream } from "./relay-stream.ts";
import { relayWhole } from "./relay-whole.ts";
import type { RelayedCall } from "./relayed-call.ts";
import { type Hold, renewHeld } from "./renew-call.ts";
import { createRenewals } from "./renewals.ts";
import { type CallEnd, NOT_SENT, settleCall, unanswered } from "./settle-call.ts";
import { createUpstreamCutoff, type UpstreamCutoff } from "./upstream-cutoff.ts";

export interface Relayed {
  /** A refusal here comes after the reservation: it has been settled, and the decision's record stands. */
  readonly answer: Result<Response>;
  /** For every call that was sent, however it ended, once its record was accepted; null otherwise. */
  readonly receipt: string | null;
  /** With the last of its reservations. */
  readonly allowed: Allowed;
}

export async function relay(ports: GatewayPorts, call: RelayedCall): Promise<Relayed> {
  const { question, allowed, isStripped } = call;
  const startedAtMs = ports.clock();
  ports.retryBudget.earn();
  const chosen = await backendFor(ports, call, []);
  const backend = chosen.ok ? chosen.value.backend : null;
  const decided = decisionRecordOf(question, allowed, startedAtMs, { backend, isStripped });
  const record = () => deliverRecord(ports, decided, question.capability);
  const course = { call, reservedAtMs: startedAtMs, startedAtMs, failed: [] };
  const release = () => settleCall(ports, question, { ...course, chosen: null }, NOT_SENT);

  if (!chosen.ok) {
    const [recorded] = await Promise.all([record(), release()]);
    return withoutReceipt(allowed, recorded ? chosen.error : refuse("audit_unavailable"));
  }
  const isRecorded = allowed.candidate.obligations.auditLogging === "detailed";
  if (isRecorded && !(await record())) {
    await release();
    return withoutReceipt(allowed, refuse("audit_unavailable"));
  }

  const tried = [chosen.value.backend];
  const attempt = { ...course, chosen: chosen.value, tried, decided, isRecorded };
  const hold: Hold = { allowed };
  const cutoff = createUpstreamCutoff(
    ports,
    call.client,
    allowed.reserved.relayMaxMs,
    (cut) => createRenewals(ports, () => renewHeld(ports, question, hold), cut),
    headersMaxMs(ports, attempt),
  );
  let made = await makeAttempt(ports, attempt, cutoff);
  while (hasFailed(made)) {
    const next = await nextAttempt(ports, made, hold, cutoff);
    if (next.kind === "settled") return unansweredCall(next.last, cutoff);
    if (next.kind === "none") break;
    cutoff.anotherAttempt(headersMaxMs(ports, next.attempt));
    made = await makeAttempt(ports, next.attempt, cutoff);
  }
  return conclude(ports, made, cutoff);
}

/** What became of the last attempt is what the caller gets. */
async function conclude(ports: GatewayPorts, made: Made, cutoff: UpstreamCutoff): Promise<Relayed> {
  const { call } = made;
  const { allowed } = call;
  const settle = async (end: CallEnd) => {
    cutoff.close();
    await settleCall(ports, call.question, made, end);
  };
  switch (made.kind) {
    case "withheld": {
      const { upstreamStatus, unsigned } = made;
      cutoff.cut();
      await settle({ end: "upstream_error", upstreamStatus, outcome: { kind: "as_reserved" } });
      if (unsigned) throw unsigned.reason;
      return withoutReceipt(allowed, refuse("answer_unrecorded"));
    }
    case "unanswered":
      await settle(unanswered(made.end));
      return unansweredCall(made, cutoff);
    case "answered": {
      const { upstream, receipt } = made;
      const bind = (storedId: string) => ports.background(bindAnswer(ports, call.question, made, storedId));
      return { answer: await answerOf(ports, call, upstream, cutoff, settle, bind), receipt, allowed };
    }
  }
}

async function answerOf(
  ports: GatewayPorts,
  call: RelayedCall,
  upstream: Response,
  cutoff: UpstreamCutoff,
  settle: (end: CallEnd) => Promise<void>,
  bind: (storedId: string) => void,
): Promise<Result<Response>> {
  const { body } = upstream;
  if (!upstream.ok || body === null) return relayWhole(call, upstream, cutoff, settle);
  if (isEventStream(upstream)) return ok(relayStream(ports, call, upstream, body, cutoff, settle, bind));
  return call.answer === "bytes"
    ? ok(relayBytes(ports, call, upstream, body, cutoff, settle))
    : relayWhole(call, upstream, cutoff, settle);
}

function unansweredCall(made: Unanswered, cutoff: UpstreamCutoff): Relayed {
  cutoff.close();
  return { answer: fail(made.refusal), receipt: made.receipt, allowed: made.call.allowed };
}

const withoutReceipt = (allowed: Allowed, refusal: Refusal): Relayed => ({
  answer: fail(refusal),
  receipt: null,
  allowed,
});
