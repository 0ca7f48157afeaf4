/** The record of a reservation that nobody settled: the ledger is the only one left who can tell. Pure. */
import type { AbandonedRecord } from "../audit/audit-record.ts";
import { timestampOf } from "../kernel/timestamp.ts";
import type { AgentReservation } from "./agent-reservation.ts";
import type { RecordNumber, ReserveRequest } from "./contracts.ts";

const reasons: Record<ReserveRequest["purpose"], AbandonedRecord["reason"]> = {
  relay: "abandoned",
  enforce: "unreported",
};

export function abandonedRecord(
  reservation: AgentReservation,
  number: RecordNumber,
  nowMs: number,
): AbandonedRecord {
  const { subject } = reservation;
  return {
    v: 1,
    kind: "abandoned",
    source: number.source,
    n: number.n,
    skipped: null,
    at: timestampOf(nowMs),
    home: reservation.home,
    tenantId: reservation.tenantId,
    // Records bound the id, the subject does not: better cut than undeliverable.
    requestId: subject.requestId.slice(0, 200),
    decisionId: reservation.decisionId,
    decisionNumber: reservation.number,
    agentId: reservation.agentId,
    action: subject.action,
    resource: subject.resource,
    endUser: subject.endUser,
    reason: reasons[reservation.purpose],
    chargedTokens: reservation.reservedTokens,
    chargedCostNanoUsd: reservation.reservedCostNanoUsd,
  };
}
