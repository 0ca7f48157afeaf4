/** One RPC to the agent's ledger: quotas, agent state and revisions checked together, all or nothing. */
import { reservationOf } from "../kernel/ids.ts";
import { MAX_CANDIDATES } from "../kernel/limits.ts";
import type { Refusal } from "../kernel/refusal.ts";
import { ok, type Result } from "../kernel/result.ts";
import type { Ask, Candidate, Obligations, TraceLine } from "../policy/decision.ts";
import { newerRevisions, revisionsOf, type Snapshot } from "../policy/snapshot.ts";
import type { GatewayPorts } from "./gateway-ports.ts";
import { callerOf, type Judgement, notesOf, type Question, type Stale, type Understood } from "./question.ts";
import { refusedByLedger } from "./refused-as.ts";

/** The reservation id is made of the decision's, which is minted here and never taken from a caller. */
export async function reserve(
  { ledgers }: Pick<GatewayPorts, "ledgers">,
  question: Question,
  understood: Understood,
  snapshot: Snapshot,
  candidates: readonly [Candidate, ...Candidate[]],
  trace: readonly TraceLine[],
): Promise<Result<Judgement | Stale, Refusal>> {
  const { ask, deployment } = understood;
  const offered = candidates.slice(0, MAX_CANDIDATES);
  const reply = await ledgers.reserve({
    v: 1,
    caller: callerOf(question),
    reservationId: reservationOf(question.decisionId),
    decisionId: question.decisionId,
    snapshot: revisionsOf(snapshot),
    purpose: question.purpose,
    candidates: offered.map(({ claims, obligations, reservedCostNanoUsd }) => ({
      claims: [...claims],
      reservedTokens: obligations.reservedTokens,
      reservedCostNanoUsd,
    })),
    idempotency: understood.idempotency,
    subject: {
      requestId: question.requestId,
      action: ask.action,
      resource: ask.resource,
      endUser: ask.endUser,
    },
  });
  if (!reply.ok) return reply;
  const reserved = {
    ...reply.value,
    revisions: newerRevisions(reply.value.revisions, revisionsOf(snapshot)),
  };
  switch (reserved.outcome) {
    case "stale":
      return ok({ kind: "stale", revisions: reserved.revisions });
    case "refused":
      return ok(
        refusedByLedger(reserved.refusal, reserved, {
          ask,
          notes: notesOf(understood),
          trace,
          policyIds: candidates.flatMap(({ policyIds }) => policyIds),
        }),
      );
    case "reserved": {
      const candidate = offered[reserved.candidate];
      if (!candidate) throw new Error("The ledger charged a candidate that was not offered.");
      const obligations = withinCharge(candidate.obligations, ask, reserved.reservedTokens);
      return ok({
        kind: "allowed",
        snapshot,
        ask,
        notes: notesOf(understood),
        deployment,
        candidate: { ...candidate, obligations },
        trace,
        reserved,
      });
    }
  }
}

/** A replay is decided again and may now be allowed more than the first call was charged for: it gets no more than that. */
function withinCharge(obligations: Obligations, ask: Ask, chargedTokens: number): Obligations {
  const excess = obligations.reservedTokens - chargedTokens;
  if (excess <= 0) return obligations;
  const output = obligations.maxOutputTokens ?? ask.outputTokens ?? 0;
  return { ...obligations, reservedTokens: chargedTokens, maxOutputTokens: Math.max(0, output - excess) };
}
