/** One RPC to the agent's ledger: quotas, agent state, revisions and approval checked together, all or nothing. */
import { type ReservationId, reservationOf } from "../kernel/ids.ts";
import { type Refusal, refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import type { Ask, Obligations } from "../policy/decision.ts";
import { needsApproval } from "../policy/outcome.ts";
import { withoutAllowing } from "../policy/shadow.ts";
import { newerRevisions, revisionsOf, type Snapshot } from "../policy/snapshot.ts";
import { awaitApproval } from "./await-approval.ts";
import type { GatewayPorts } from "./gateway-ports.ts";
import type { Offer } from "./offer.ts";
import {
  type Allowed,
  areAncestorsHeld,
  callerOf,
  type Judgement,
  type Question,
  type Stale,
  type Understood,
} from "./question.ts";
import { refusedByLedger } from "./refused-as.ts";

/** The reservation id is made of the decision's, which is minted here and never taken from a caller. */
export async function reserve(
  ports: Pick<GatewayPorts, "ledgers" | "approvals" | "background">,
  question: Question,
  understood: Understood,
  snapshot: Snapshot,
  offer: Offer,
  { notes, trace, shadow = null }: Pick<Allowed, "notes" | "trace" | "shadow">,
): Promise<Result<Judgement | Stale, Refusal>> {
  const { ask, deployment } = understood;
  const { candidates, approval } = offer;
  const { ledgers } = ports;
  const uses = understood.storage?.uses ?? null;
  const reply = await ledgers.reserve({
    v: 1,
    caller: callerOf(question),
    reservationId: reservationOf(question.decisionId),
    decisionId: question.decisionId,
    snapshot: revisionsOf(snapshot),
    purpose: question.purpose,
    candidates: candidates.map((candidate) => ({
      claims: [...candidate.claims],
      reservedTokens: candidate.obligations.reservedTokens,
      reservedCostNanoUsd: candidate.reservedCostNanoUsd,
      ...(needsApproval(candidate) ? { needsApproval: true } : {}),
    })),
    ...(approval === null ? {} : { approval }),
    idempotency: understood.idempotency,
    ...(uses === null ? {} : { uses }),
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
    case "refused": {
      const policyIds = candidates.flatMap((candidate) => candidate.policyIds);
      const refused = refusedByLedger(reserved.refusal, reserved, {
        ask,
        ...(notes === undefined ? {} : { notes }),
        trace,
        policyIds,
        shadow,
      });
      const { waiting } = reserved;
      return ok(
        waiting
          ? await awaitApproval(ports, question, understood, offer, waiting, { ...refused, shadow })
          : refused,
      );
    }
    case "reserved": {
      const candidate = candidates[reserved.candidate];
      if (!candidate) throw new Error("The ledger charged a candidate that was not offered.");
      // A ledger of the version before knows of no approvals, ancestors or stored answers, and charged without asking.
      const isUnapproved = needsApproval(candidate) && !reserved.approvalId;
      const isUnlocated = uses !== null && !reserved.object;
      if (isUnapproved || isUnlocated || !areAncestorsHeld(question, reserved)) {
        await giveBack(ledgers, question, reserved.reservationId);
        return fail(refuse("ledger_unavailable"));
      }
      const obligations = withinCharge(candidate.obligations, ask, reserved.reservedTokens);
      return ok({
        kind: "allowed",
        snapshot,
        ask,
        uses,
        ...(notes === undefined ? {} : { notes }),
        deployment,
        candidate: { ...candidate, obligations },
        trace,
        // It was approved: that it would have been allowed without makes no difference any more.
        shadow: needsApproval(candidate) ? withoutAllowing(shadow) : shadow,
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

async function giveBack(
  ledgers: GatewayPorts["ledgers"],
  { capability, purpose }: Question,
  reservationId: ReservationId,
): Promise<void> {
  const { home, tenantId, agentId } = capability;
  await ledgers.settle({
    v: 1,
    caller: { home, tenantId, agentId },
    reservationId,
    purpose,
    outcome: { kind: "released" },
    completion: null,
  });
}
