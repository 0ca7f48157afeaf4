/** What the operations of `/v1/approvals` take and answer. */
import * as z from "zod";
import { Approval, ApprovalStatus } from "../approval/approval.ts";
import { AgentId, ApprovalId, TenantId } from "../kernel/ids.ts";
import { APPROVED_DEFAULT_SECONDS, APPROVED_MAX_SECONDS, APPROVED_MIN_SECONDS } from "../kernel/limits.ts";
import { listPageOf } from "../kernel/list-page.ts";
import type { RefusalCode } from "../kernel/refusal.ts";
import { ListQuery } from "./list-query.ts";
import { described, NoBody, NoQuery } from "./operation-description.ts";

const reason = z.string().min(1).max(500).optional().meta({ description: "Kept with the approval." });
const Approving = z
  .strictObject({
    reason,
    expiresInSeconds: z
      .int()
      .min(APPROVED_MIN_SECONDS)
      .max(APPROVED_MAX_SECONDS)
      .default(APPROVED_DEFAULT_SECONDS)
      .meta({ description: "How long the request may come; once, whenever that is." }),
  })
  .meta({ id: "Approving" });
const Denying = z.strictObject({ reason }).meta({ id: "Denying" });
const ApprovalDocument = Approval.meta({ id: "Approval" });
const params = { id: ApprovalId };
const ofDecisions = [
  "approval_own_request",
  "approval_decided",
  "approval_expired",
  "approval_used",
  "ledger_unavailable",
  "ledger_overloaded",
] as const satisfies readonly RefusalCode[];

export const approvalDescriptions = {
  list: described({
    method: "GET",
    path: "/approvals",
    operationId: "listApprovals",
    summary: "List what waits for approval and what was decided in one tenant; newest first.",
    scope: "approvals:read",
    query: ListQuery.extend({
      tenant: TenantId.optional(),
      status: ApprovalStatus.optional(),
      agent: AgentId.optional(),
    }),
    body: NoBody,
    answer: { status: 200, schema: listPageOf(ApprovalDocument).meta({ id: "ApprovalPage" }) },
    refusals: ["tenant_mismatch", "not_found", "home_not_configured"],
  }),
  get: described({
    method: "GET",
    path: "/approvals/:id",
    operationId: "getApproval",
    summary: "Look up an approval.",
    scope: "approvals:read",
    params,
    query: NoQuery,
    body: NoBody,
    answer: { status: 200, schema: ApprovalDocument, hasEtag: true },
  }),
  approve: described({
    method: "POST",
    path: "/approvals/:id/approve",
    operationId: "approveRequest",
    summary: "Let the very same request through, once. Never by a key that asked for it.",
    scope: "approvals:write",
    params,
    query: NoQuery,
    body: Approving,
    example: { reason: "Agreed with the team.", expiresInSeconds: 3_600 },
    answer: { status: 200, schema: ApprovalDocument, hasEtag: true },
    refusals: ofDecisions,
  }),
  deny: described({
    method: "POST",
    path: "/approvals/:id/deny",
    operationId: "denyRequest",
    summary: "Refuse the request for as long as it would have waited. Never by a key that asked for it.",
    scope: "approvals:write",
    params,
    query: NoQuery,
    body: Denying,
    example: { reason: "Ask without the customer's name." },
    answer: { status: 200, schema: ApprovalDocument, hasEtag: true },
    refusals: ofDecisions,
  }),
};
