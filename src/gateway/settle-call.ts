/** The end of a relayed call: the second RPC to the ledger, then the completion record. */
import type { CompletionRecord } from "../audit/audit-record.ts";
import type { Backend } from "../azure/backend.ts";
import type { Billing } from "../azure/billing.ts";
import { costNanoUsd } from "../azure/cost.ts";
import type { Deployment } from "../azure/deployment.ts";
import { snapshotPriceOf } from "../azure/prices.ts";
import { timestampOf } from "../kernel/timestamp.ts";
import { type CompletionDraft, completionRecord } from "../quota/completion-record.ts";
import type { Settle } from "../quota/contracts.ts";
import { deliverRecord } from "./deliver-record.ts";
import type { GatewayPorts } from "./gateway-ports.ts";
import type { Allowed, Question } from "./question.ts";

export interface CallEnd {
  readonly end: CompletionRecord["end"];
  readonly upstreamStatus: number | null;
  readonly outcome: Billing;
}

/**
 * Resolves when the ledger has settled, so that a next call finds the room; the record follows in the background.
 * Never rejects: what cannot be settled here is charged in full by the ledger's alarm and recorded as abandoned.
 */
export async function settleCall(
  ports: Pick<GatewayPorts, "ledgers" | "records" | "clock" | "workerNumber" | "background">,
  question: Question,
  allowed: Allowed,
  backend: Backend | null,
  startedAtMs: number,
  { end, upstreamStatus, outcome }: CallEnd,
): Promise<void> {
  const { home, tenantId, agentId } = question.capability;
  const address = { home, tenantId, agentId };
  const { reservationId, decisionId } = allowed.reserved;
  const priced = pricedOutcome(outcome, allowed.deployment, backend);
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
    backend: backend && { id: backend.id, region: backend.region, sku: backend.sku },
    usage: outcome.kind === "used" ? outcome.usage : null,
    settlement: outcome.kind,
    endUser: allowed.ask.endUser,
    durationMs: Math.max(0, Math.round(nowMs - startedAtMs)),
  };
  const settled = await ports.ledgers.settle({
    v: 1,
    caller: address,
    reservationId,
    purpose: question.purpose,
    outcome: priced,
    completion,
  });
  if (settled.ok && settled.value.recorded) return;
  const number = settled.ok ? settled.value.number : ports.workerNumber();
  const record = completionRecord(completion, number, settled, priced);
  ports.background(deliverRecord(ports, record, address));
}

/** Reserved at the price of the dearest backend, settled at that of the one which answered. */
function pricedOutcome(
  outcome: Billing,
  deployment: Deployment | null,
  backend: Backend | null,
): Settle["outcome"] {
  if (outcome.kind !== "used") return outcome;
  const price = deployment && backend && snapshotPriceOf(deployment, backend);
  return { ...outcome, costNanoUsd: costNanoUsd(price, outcome.usage) };
}
