/**
 * A request that waits is stored where approvers look before its caller is told that it waits: what cannot be stored is
 * refused for that reason instead, and the next time it is asked stores it after all.
 */
import type { NewApproval } from "../approval/approval.ts";
import { timestampOf } from "../kernel/timestamp.ts";
import { needsApproval } from "../policy/outcome.ts";
import type { WaitingApproval } from "../quota/approval-contracts.ts";
import type { GatewayPorts } from "./gateway-ports.ts";
import type { Offer } from "./offer.ts";
import type { Question, Refused, Understood } from "./question.ts";

export async function awaitApproval(
  { approvals, background }: Pick<GatewayPorts, "approvals" | "background">,
  question: Question,
  understood: Understood,
  { candidates }: Offer,
  waiting: WaitingApproval,
  refused: Refused,
): Promise<Refused> {
  const { home } = question.capability;
  const kept = await approvals.keep(home, approvalOf(question, understood, candidates, waiting));
  if (!kept.ok) return { ...refused, refusal: kept.error };
  if (waiting.isNew) background(approvals.announce(home, waiting.approvalId));
  return refused;
}

function approvalOf(
  question: Question,
  { ask }: Understood,
  candidates: Offer["candidates"],
  { approvalId, askedBy, requestHash, requestedAtMs, expiresAtMs }: WaitingApproval,
): NewApproval {
  const { capability, requestId, decisionId, place, purpose, classification } = question;
  const { action, resource, promptTokens, outputTokens, choices, stream, endUser } = ask;
  const requiredBy = [
    ...new Set(candidates.filter(needsApproval).flatMap(({ approvalFrom }) => approvalFrom)),
  ];
  return {
    id: approvalId,
    tenantId: capability.tenantId,
    agentId: capability.agentId,
    askedBy,
    requestedAt: timestampOf(requestedAtMs),
    expiresAt: timestampOf(expiresAtMs),
    request: {
      surface: purpose,
      action,
      resource,
      classification,
      requestHash,
      requiredBy,
      promptTokens,
      outputTokens,
      choices,
      stream,
      endUser,
      country: place.country,
      requestId,
      decisionId,
    },
  };
}
