/** Approvals as they cross RPC: what an ask may spend, what waits, and what was decided. */
import * as z from "zod";
import { AgentId, ApiKeyId, ApprovalId, TenantId } from "../kernel/ids.ts";
import { MAX_APPROVAL_ASKERS } from "../kernel/limits.ts";
import { Home } from "../residency/home.ts";

/** SHA-256 in hex of all that an approval is for. */
export const RequestHash = z.string().regex(/^[0-9a-f]{64}$/);
export type RequestHash = z.infer<typeof RequestHash>;

/** What an ask brings along where some candidate needs approval. */
export const ApprovalAsk = z.strictObject({
  /** Minted by the Worker: the id of the approval, if this ask is the first to need it. */
  approvalId: ApprovalId,
  requestHash: RequestHash,
  /** The API keys behind the ask: that which the token was issued to, and that which asked. */
  keyIds: z.array(ApiKeyId).min(1).max(2),
});
export type ApprovalAsk = z.infer<typeof ApprovalAsk>;

/** An approval that is waited for. */
export const WaitingApproval = z.strictObject({
  approvalId: ApprovalId,
  /** Whether this ask is the first. */
  isNew: z.boolean(),
  requestHash: RequestHash,
  /** All API keys that have asked so far; it only grows. */
  askedBy: z.array(ApiKeyId).max(MAX_APPROVAL_ASKERS),
  requestedAtMs: z.int(),
  expiresAtMs: z.int(),
});
export type WaitingApproval = z.infer<typeof WaitingApproval>;

export const ApprovalDecision = z.strictObject({
  v: z.literal(1),
  home: Home,
  tenantId: TenantId,
  agentId: AgentId,
  approvalId: ApprovalId,
  decision: z.enum(["approved", "denied"]),
  /** The API key that decided: it never spends what it approved. */
  decidedBy: ApiKeyId,
  expiresAtMs: z.int(),
});
export type ApprovalDecision = z.infer<typeof ApprovalDecision>;

export const ApprovalDecisionReply = z.strictObject({
  /** `spent`: it was approved before, and has let its request through. `unknown`: it has lapsed. */
  outcome: z.enum(["decided", "spent", "unknown"]),
});
export type ApprovalDecisionReply = z.infer<typeof ApprovalDecisionReply>;
