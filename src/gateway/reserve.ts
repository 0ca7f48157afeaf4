/** One RPC to the agent's ledger: quotas, agent state and revisions checked together, all or nothing. */
import type { Refusal } from "../kernel/refusal.ts";
import { ok, type Result } from "../kernel/result.ts";
import type { Candidate, TraceLine } from "../policy/decision.ts";
import { revisionsOf, type Snapshot } from "../policy/snapshot.ts";
import type { GatewayPorts } from "./gateway-ports.ts";
import { callerOf, type Judgement, type Question, type Stale, type Understood } from "./question.ts";
import { refusedAs } from "./refused-as.ts";

/** The reservation id is minted here, never taken from a caller. */
export async function reserve(
  { ledgers, ids }: Pick<GatewayPorts, "ledgers" | "ids">,
  question: Question,
  understood: Understood,
  snapshot: Snapshot,
  candidates: readonly [Candidate, ...Candidate[]],
  trace: readonly TraceLine[],
): Promise<Result<Judgement | Stale, Refusal>> {
  const { ask, deployment } = understood;
  const reply = await ledgers.reserve({
    v: 1,
    caller: callerOf(question),
    reservationId: ids.reservation(),
    decisionId: question.decisionId,
    snapshot: revisionsOf(snapshot),
    purpose: question.purpose,
    candidates: candidates.map(({ claims, obligations }) => ({
      claims: [...claims],
      reservedTokens: obligations.reservedTokens,
    })),
    idempotency: understood.idempotency,
    subject: { requestId: question.requestId, action: ask.action, resource: ask.resource },
  });
  if (!reply.ok) return reply;
  const reserved = reply.value;
  switch (reserved.outcome) {
    case "stale":
      return ok({ kind: "stale", revisions: reserved.revisions });
    case "refused":
      return ok(
        refusedAs(reserved.refusal, reserved, {
          ask,
          trace,
          policyIds: candidates.flatMap(({ policyIds }) => policyIds),
        }),
      );
    case "reserved": {
      const candidate = candidates[reserved.candidate];
      if (!candidate) throw new Error("The ledger charged a candidate that was not offered.");
      return ok({ kind: "allowed", snapshot, ask, deployment, candidate, trace, reserved });
    }
  }
}
