/** An approval as approvers see it: who asks for what, under which policies; never what the request holds. */
import * as z from "zod";
import { AgentId, ApiKeyId, ApprovalId, DecisionId, TenantId } from "../kernel/ids.ts";
import { MAX_APPROVAL_ASKERS } from "../kernel/limits.ts";
import { Timestamp } from "../kernel/timestamp.ts";
import { Action } from "../policy/action.ts";
import { Classification } from "../policy/classification.ts";
import { RequestHash } from "../quota/approval-contracts.ts";

const count = z.int().min(0);

/** The request as it stood when it was first asked. */
export const ApprovalRequest = z.strictObject({
  surface: z.enum(["relay", "enforce"]),
  action: Action,
  resource: z.string(),
  classification: Classification,
  requestHash: RequestHash,
  /** The policies that require the approval, or `token`. */
  requiredBy: z.array(z.string()),
  /** At most; null = not known. */
  promptTokens: count.nullable(),
  /** At most, per choice; null = the caller named no bound. */
  outputTokens: count.nullable(),
  choices: count,
  stream: z.boolean(),
  /** Salted hash of the end user, if named. */
  endUser: z.string().nullable(),
  country: z.string().nullable(),
  requestId: z.string().max(200),
  decisionId: DecisionId,
});
export type ApprovalRequest = z.infer<typeof ApprovalRequest>;

export const ApprovalStatus = z.enum(["pending", "approved", "denied", "used", "expired"]);
export type ApprovalStatus = z.infer<typeof ApprovalStatus>;

export const Approval = z.strictObject({
  id: ApprovalId,
  tenantId: TenantId,
  agentId: AgentId,
  /** `used`: it has let its request through. `expired`: nobody decided, or nobody used it, in time. */
  status: ApprovalStatus,
  ...ApprovalRequest.shape,
  /** The API keys behind the request, none of which decides on it. */
  askedBy: z.array(ApiKeyId).max(MAX_APPROVAL_ASKERS),
  requestedAt: Timestamp,
  /** Until when it can be decided; once approved, until when it can be used; of a denial, how long it lasts. */
  expiresAt: Timestamp,
  decidedBy: ApiKeyId.nullable(),
  decidedAt: Timestamp.nullable(),
  reason: z.string().nullable(),
  /** The decision that it let through. */
  usedBy: DecisionId.nullable(),
});
export type Approval = z.infer<typeof Approval>;

/** One that waits, before anybody has decided. */
export type NewApproval = Pick<
  Approval,
  "id" | "tenantId" | "agentId" | "askedBy" | "requestedAt" | "expiresAt"
> & { readonly request: ApprovalRequest };

/** What is stored says nothing of time passing. */
export const statusAt = (
  stored: Exclude<ApprovalStatus, "expired">,
  expiresAt: Timestamp,
  nowMs: number,
): ApprovalStatus =>
  (stored === "pending" || stored === "approved") && nowMs >= Date.parse(expiresAt) ? "expired" : stored;
