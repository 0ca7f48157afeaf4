/**
 * Settles an /v1/enforce with what its caller reports. The decision's id finds the reservation in the ledger of the
 * token's own agent, so nobody settles for another; and the first report is the one that counts.
 */
import type { CompletionRecord } from "../audit/audit-record.ts";
import { isBilledByUnits } from "../azure/asked-units.ts";
import { costNanoUsd } from "../azure/cost.ts";
import { dearestPrice } from "../azure/prices.ts";
import type { ApiKey } from "../capability/api-key.ts";
import type { Capability } from "../capability/claims.ts";
import { DecisionId, reservationOf } from "../kernel/ids.ts";
import { refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { timestampOf } from "../kernel/timestamp.ts";
import { Action } from "../policy/action.ts";
import { deploymentOfResource } from "../policy/resource.ts";
import { type CompletionDraft, completionRecord } from "../quota/completion-record.ts";
import type { Settle, SettleReply } from "../quota/contracts.ts";
import type { LedgerReadings } from "../quota/ledgers.ts";
import type { ReservationReply } from "../quota/state-contracts.ts";
import { verifyInBody } from "./authenticate.ts";
import { deliverRecord } from "./deliver-record.ts";
import type { GatewayPorts } from "./gateway-ports.ts";
import { type Reported, reportedUsage, type UsageReply, type UsageReport } from "./usage-report.ts";

export interface ReportPorts extends GatewayPorts {
  readonly readings: Pick<LedgerReadings, "reservation">;
}

export async function reportUsage(
  ports: ReportPorts,
  apiKey: ApiKey,
  decisionText: string,
  report: UsageReport,
  source: Request,
): Promise<Result<UsageReply>> {
  const reported = reportedUsage(report);
  if (!reported.ok) return reported;
  // A proof that comes again can but repeat the report: it is for this decision's URL alone, and the first one counts.
  const verified = await verifyInBody(ports, source, report.capabilityToken);
  if (!verified.ok) return fail({ ...verified.error, field: "capabilityToken" });
  const { capability } = verified.value;
  if (apiKey.tenantId !== null && apiKey.tenantId !== capability.tenantId)
    return fail(refuse("tenant_mismatch"));

  const decisionId = DecisionId.safeParse(decisionText);
  if (!decisionId.success) return unknown();
  const reservationId = reservationOf(decisionId.data);
  const { home, tenantId, agentId } = capability;
  const address = { home, tenantId, agentId };
  const found = await ports.readings.reservation(address, reservationId);
  if (!found.ok) return found;
  const reservation = found.value;
  // A call that this gateway relays is settled by what Azure told it.
  if (reservation?.purpose !== "enforce") return unknown();

  const outcome = await priced(ports, capability, reservation.subject, reported.value);
  if (!outcome.ok) return outcome;
  const settled = await ports.ledgers.settle({
    v: 1,
    caller: address,
    reservationId,
    purpose: "enforce",
    outcome: outcome.value,
    completion: null,
  });
  if (!settled.ok) return settled;
  if (settled.value.outcome === "unknown") return unknown();
  const draft = completionOf(ports, capability, reservation, reported.value);
  // A repeated report has its first one's number, so a record that was lost is sent again, and any other stored once.
  const record = completionRecord(draft, settled.value.number, settled, outcome.value);
  if (!(await deliverRecord(ports, record, address))) return fail(refuse("audit_unavailable"));
  return ok(replyOf(decisionId.data, settled.value));
}

const unknown = () => fail(refuse("not_found", { message: "There is no such decision to report usage of." }));

/** Nobody knows which backend the caller asked: as it was reserved, so it is priced, by the dearest. */
async function priced(
  { snapshots }: Pick<GatewayPorts, "snapshots">,
  capability: Capability,
  subject: Pick<NonNullable<ReservationReply>["subject"], "action" | "resource">,
  reported: Reported,
): Promise<Result<Settle["outcome"]>> {
  if (reported.kind === "released") return ok(reported);
  const snapshot = await snapshots.load(capability);
  if (!snapshot.ok) return snapshot;
  const action = Action.parse(subject.action);
  const name = deploymentOfResource(subject.resource);
  const deployment = snapshot.value.platform.deployments.find((one) => one.name === name);
  // Tokens say nothing of what is billed by something else: that costs what was reserved.
  const isByTokens = deployment !== undefined && !isBilledByUnits(action, deployment);
  const price = isByTokens ? dearestPrice(deployment) : null;
  return ok({ ...reported, costNanoUsd: costNanoUsd(price, reported.usage) });
}

function completionOf(
  { clock }: Pick<GatewayPorts, "clock">,
  { home, tenantId, agentId }: Capability,
  { decisionId, subject, reservedAtMs }: NonNullable<ReservationReply>,
  reported: Reported,
): CompletionDraft {
  const nowMs = clock();
  return {
    v: 1,
    kind: "completion",
    at: timestampOf(nowMs),
    home,
    tenantId,
    requestId: subject.requestId.slice(0, 200),
    decisionId,
    agentId,
    action: Action.parse(subject.action),
    resource: subject.resource,
    end: "reported" satisfies CompletionRecord["end"],
    upstreamStatus: null,
    backend: null,
    attempts: [],
    usage: reported.kind === "used" ? reported.usage : null,
    settlement: reported.kind,
    endUser: subject.endUser,
    storedObject: null,
    durationMs: Math.max(0, nowMs - reservedAtMs),
  };
}

/** The same for every report of one call: only the first has changed anything. */
const replyOf = (decisionId: DecisionId, settled: SettleReply): UsageReply => ({
  decisionId,
  outcome: settled.replaced === null ? "settled" : "corrected",
  charged: {
    requests: settled.chargedRequests,
    tokens: settled.chargedTokens,
    costNanoUsd: settled.chargedCostNanoUsd,
  },
});
