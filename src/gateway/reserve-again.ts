/**
 * A reservation for a further attempt, after one that was sent and never answered: the same charge, under an id of its
 * own, and under the revisions of now. It spends nothing else: neither an idempotency key nor anything that opens once.
 */
import { reservationOf } from "../kernel/ids.ts";
import { newerRevisions, revisionsOf } from "../policy/snapshot.ts";
import type { GatewayPorts } from "./gateway-ports.ts";
import { type Allowed, callerOf, type Judgement, type Question } from "./question.ts";
import { refusedByLedger } from "./refused-as.ts";

/**
 * Null where nothing was decided: the ledger cannot be reached, or something has changed since the call was. It is not
 * judged anew then: its caller learns what became of it, and may ask again.
 */
export async function reserveAgain(
  { ledgers, ids }: Pick<GatewayPorts, "ledgers" | "ids">,
  question: Question,
  { skips: _, ...allowed }: Allowed,
): Promise<Judgement | null> {
  const { ask, candidate, snapshot, trace } = allowed;
  const { approvalId, object = null } = allowed.reserved;
  const { claims, obligations, reservedCostNanoUsd } = candidate;
  const reply = await ledgers.reserve({
    v: 1,
    caller: callerOf(question),
    // The decision's own id names its first reservation.
    reservationId: reservationOf(ids.decision()),
    decisionId: allowed.reserved.decisionId,
    snapshot: revisionsOf(snapshot),
    purpose: question.purpose,
    candidates: [{ claims: [...claims], reservedTokens: obligations.reservedTokens, reservedCostNanoUsd }],
    idempotency: null,
    subject: {
      requestId: question.requestId,
      action: ask.action,
      resource: ask.resource,
      endUser: ask.endUser,
    },
  });
  if (!reply.ok || reply.value.outcome === "stale") return null;
  const reserved = {
    ...reply.value,
    revisions: newerRevisions(reply.value.revisions, revisionsOf(snapshot)),
  };
  return reserved.outcome === "reserved"
    ? // What was approved goes on as that; what policies in shadow say of it was told with the first.
      { ...allowed, shadow: null, reserved: { ...reserved, object, ...(approvalId ? { approvalId } : {}) } }
    : refusedByLedger(reserved.refusal, reserved, { ask, trace, policyIds: candidate.policyIds });
}
