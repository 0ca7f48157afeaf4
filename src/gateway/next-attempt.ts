/**
 * After an attempt that failed: whether there is a next one, and under which reservation. What Azure refused and does not
 * bill shares the reservation. What was sent and never answered may have been billed: it is settled as reserved, and the
 * next attempt needs a reservation of its own (guarantee G2).
 */
import { isUnbilledFailure } from "../azure/billing.ts";
import { MAX_ATTEMPTS } from "../kernel/limits.ts";
import type { Attempt, Made } from "./attempt.ts";
import { backendFor, type Chosen } from "./backend-for.ts";
import { decisionRecordOf } from "./decision-record.ts";
import { deliverRecord } from "./deliver-record.ts";
import type { GatewayPorts } from "./gateway-ports.ts";
import type { Hold } from "./renew-call.ts";
import { reserveAgain } from "./reserve-again.ts";
import { NOT_SENT, settleCall, unanswered } from "./settle-call.ts";
import type { UpstreamCutoff } from "./upstream-cutoff.ts";

type Answered = Made & { readonly kind: "answered" };
export type Unanswered = Made & { readonly kind: "unanswered" };
type Failed = Answered | Unanswered;

/** In a way that another backend may make good, before any byte went to the caller. */
export const hasFailed = (made: Made): made is Failed =>
  made.kind === "unanswered" || (made.kind === "answered" && isUnbilledFailure(made.upstream.status));

export type Next =
  | { readonly kind: "attempt"; readonly attempt: Attempt }
  | { readonly kind: "none" }
  /** None, and the reservation of the last one has been settled. */
  | { readonly kind: "settled"; readonly last: Unanswered };

const NONE: Next = { kind: "none" };

export async function nextAttempt(
  ports: GatewayPorts,
  made: Failed,
  hold: Hold,
  cutoff: UpstreamCutoff,
): Promise<Next> {
  const endedAtMs = ports.clock();
  const mayHaveAnother = made.tried.length < MAX_ATTEMPTS && ports.retryBudget.hasRoom;
  if (!mayHaveAnother || !isWorthAnother(made, cutoff)) return NONE;
  const chosen = await backendFor(ports, made.call, made.tried);
  // A credential may have been waited for: whether it is still worth it is asked again.
  if (!chosen.ok || !isWorthAnother(made, cutoff) || !ports.retryBudget.take()) return NONE;
  return made.kind === "answered"
    ? { kind: "attempt", attempt: underTheSame(ports, made, endedAtMs, chosen.value) }
    : underItsOwn(ports, made, chosen.value, hold, cutoff);
}

function isWorthAnother({ kind, call }: Failed, cutoff: UpstreamCutoff): boolean {
  if (cutoff.isOver || cutoff.clientGone) return false;
  // A whole answer may take a model minutes: the next backend would be no faster, and it would be paid for twice.
  return kind === "answered" || cutoff.reason !== "upstream_timeout" || call.allowed.ask.stream;
}

function underTheSame(
  { clock }: Pick<GatewayPorts, "clock">,
  { kind: _, upstream, receipt: __, ...before }: Answered,
  endedAtMs: number,
  chosen: Chosen,
): Attempt {
  // Nobody reads it any more, and it holds a connection.
  upstream.body?.cancel().catch(() => {});
  const failed = {
    backend: before.chosen.backend,
    upstreamStatus: upstream.status,
    end: "upstream_error",
    durationMs: endedAtMs - before.startedAtMs,
  } as const;
  return {
    ...before,
    failed: [...before.failed, failed],
    chosen,
    tried: [...before.tried, chosen.backend],
    startedAtMs: clock(),
    isRecorded: true,
  };
}

async function underItsOwn(
  ports: GatewayPorts,
  made: Unanswered,
  chosen: Chosen,
  hold: Hold,
  cutoff: UpstreamCutoff,
): Promise<Next> {
  const { question, isStripped } = made.call;
  // Settled first: where one call at a time is allowed, the next has no room beside this one.
  hold.allowed = null;
  await settleCall(ports, question, made, unanswered(made.end));
  const settled: Next = { kind: "settled", last: made };
  const judged = await reserveAgain(ports, question, made.call.allowed);
  if (judged === null) return settled;
  const nowMs = ports.clock();
  const decided = decisionRecordOf(question, judged, nowMs, { backend: chosen.backend, isStripped });
  if (judged.kind === "refused") {
    // The caller is told of the attempt that failed; that there was no room for another is for the log.
    ports.background(deliverRecord(ports, decided, question.capability));
    return settled;
  }
  const attempt: Attempt = {
    call: { ...made.call, allowed: judged },
    reservedAtMs: nowMs,
    failed: [],
    chosen,
    tried: [...made.tried, chosen.backend],
    startedAtMs: nowMs,
    decided,
    isRecorded: false,
  };
  const isTooLate = cutoff.isOver || cutoff.clientGone;
  const recordedFirst = isTooLate || judged.candidate.obligations.auditLogging === "detailed";
  const isRecorded = recordedFirst && (await deliverRecord(ports, decided, question.capability));
  if (isTooLate || (recordedFirst && !isRecorded)) {
    await settleCall(ports, question, { ...attempt, chosen: null }, NOT_SENT);
    return settled;
  }
  hold.allowed = judged;
  return { kind: "attempt", attempt: { ...attempt, isRecorded } };
}
