/** The end of a relayed call: the second RPC to the ledger, then the completion record. */
import type { CompletionRecord } from "../audit/audit-record.ts";
import { type Backend, toldBackend } from "../azure/backend.ts";
import type { Billing } from "../azure/billing.ts";
import { costNanoUsd, unitsNanoUsd } from "../azure/cost.ts";
import { snapshotPriceOf } from "../azure/prices.ts";
import type { UsedUnits } from "../azure/unit.ts";
import { timestampOf } from "../kernel/timestamp.ts";
import { type CompletionDraft, completionRecord } from "../quota/completion-record.ts";
import type { Settle } from "../quota/contracts.ts";
import { AS_RESERVED } from "../quota/settlement.ts";
import { madeObject } from "./bind-answer.ts";
import { deliverRecord } from "./deliver-record.ts";
import type { GatewayPorts } from "./gateway-ports.ts";
import type { Allowed, Question } from "./question.ts";
import type { RelayedCall } from "./relayed-call.ts";

export interface CallEnd {
  readonly end: CompletionRecord["end"];
  readonly upstreamStatus: number | null;
  readonly outcome: Billing;
  /** Of the answer that Azure keeps; absent = none, or none that told its id. */
  readonly storedId?: string | null;
}

/** Azure was not asked, so nothing was used. */
export const NOT_SENT: CallEnd = {
  end: "upstream_error",
  upstreamStatus: null,
  outcome: { kind: "released" },
};

/** Azure was asked and never answered: it may have been billed. */
export const unanswered = (end: CallEnd["end"]): CallEnd => ({
  end,
  upstreamStatus: null,
  outcome: { kind: "as_reserved" },
});

/** An attempt that Azure refused and does not bill, so that the next one shared its reservation. */
export interface FailedAttempt {
  readonly backend: Backend;
  readonly end: CallEnd["end"];
  readonly upstreamStatus: number | null;
  readonly durationMs: number;
}

/** What was done under the reservation that ends. */
export interface Course {
  readonly call: Pick<RelayedCall, "allowed" | "operation">;
  readonly reservedAtMs: number;
  readonly failed: readonly FailedAttempt[];
  /** Of the last attempt; null where nothing was sent. */
  readonly chosen: { readonly backend: Backend } | null;
  readonly startedAtMs: number;
}

/**
 * Resolves when the ledger has settled, so that a next call finds the room; the record follows in the background.
 * Never rejects: what cannot be settled here is charged in full by the ledger's alarm and recorded as abandoned.
 */
export async function settleCall(
  ports: Pick<GatewayPorts, "ledgers" | "records" | "clock" | "workerNumber" | "background">,
  question: Question,
  course: Course,
  { end, upstreamStatus, outcome, storedId = null }: CallEnd,
): Promise<void> {
  const { allowed } = course.call;
  const backend = course.chosen?.backend ?? null;
  const { home, tenantId, agentId } = question.capability;
  const address = { home, tenantId, agentId };
  const { reservationId, decisionId } = allowed.reserved;
  const made = await madeObject(course, storedId);
  const priced = pricedOutcome(outcome, allowed, backend);
  const units = usedUnits(outcome, allowed);
  const nowMs = ports.clock();
  const completion: CompletionDraft = {
    v: 1,
    kind: "completion",
    at: timestampOf(nowMs),
    home,
    tenantId,
    requestId: question.requestId,
    decisionId,
    agentId,
    action: allowed.ask.action,
    resource: allowed.ask.resource,
    end,
    upstreamStatus,
    backend: backend && toldBackend(backend),
    attempts: attemptsOf(course, { end, upstreamStatus }, nowMs),
    usage: outcome.kind === "used" ? outcome.usage : null,
    ...(units && { units }),
    settlement: outcome.kind,
    endUser: allowed.ask.endUser,
    storedObject: made?.key ?? null,
    durationMs: tookMs(course.reservedAtMs, nowMs),
  };
  const settled = await ports.ledgers.settle({
    v: 1,
    caller: address,
    reservationId,
    purpose: question.purpose,
    outcome: priced,
    made,
    completion,
  });
  if (settled.ok && settled.value.recorded) return;
  const number = settled.ok ? settled.value.number : ports.workerNumber();
  const record = completionRecord(completion, number, settled, priced);
  ports.background(deliverRecord(ports, record, address));
}

/** The last of them is how the call ended. */
function attemptsOf(
  { failed, chosen, startedAtMs }: Course,
  last: Pick<CallEnd, "end" | "upstreamStatus">,
  nowMs: number,
): CompletionDraft["attempts"] {
  if (chosen === null) return [];
  return [
    ...failed.map(({ backend, ...attempt }) => ({ backend: toldBackend(backend), ...attempt })),
    { backend: toldBackend(chosen.backend), ...last, durationMs: tookMs(startedAtMs, nowMs) },
  ];
}

const tookMs = (fromMs: number, toMs: number): number => Math.max(0, Math.round(toMs - fromMs));

/** Reserved at the price of the dearest backend, settled at that of the one which answered. */
function pricedOutcome(
  outcome: Billing,
  { ask, deployment }: Pick<Allowed, "ask" | "deployment">,
  backend: Backend | null,
): Settle["outcome"] {
  if (outcome.kind === "released") return outcome;
  // Of units every backend has the price that was reserved.
  const ofUnits = ask.units ? unitsNanoUsd(ask.units, outcome.units ?? null) : null;
  if (outcome.kind === "as_reserved")
    return ofUnits === null ? AS_RESERVED : { ...AS_RESERVED, costNanoUsd: ofUnits };
  const { kind, usage } = outcome;
  if (ask.units) return { kind, usage, costNanoUsd: ofUnits };
  const price = deployment && backend && snapshotPriceOf(deployment, backend);
  return { kind, usage, costNanoUsd: costNanoUsd(price, usage) };
}

function usedUnits(outcome: Billing, { ask: { units } }: Pick<Allowed, "ask">): UsedUnits | null {
  const count = outcome.kind === "released" ? null : (outcome.units ?? null);
  return units && count !== null ? { unit: units.unit, count } : null;
}
