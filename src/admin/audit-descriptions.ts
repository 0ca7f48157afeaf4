/** What the operations of `/v1/audit` take and answer. */
import { AuditRecord, DecisionOutcome } from "../audit/audit-record.ts";
import { AgentId, Scope } from "../kernel/ids.ts";
import { listPageOf } from "../kernel/list-page.ts";
import { Timestamp } from "../kernel/timestamp.ts";
import { ListQuery } from "./list-query.ts";
import { described, NoBody } from "./operation-description.ts";

const AuditQuery = ListQuery.extend({
  tenant: Scope.optional(),
  agent: AgentId.optional(),
  decision: DecisionOutcome.optional(),
  from: Timestamp.optional().meta({ description: "Inclusive." }),
  to: Timestamp.optional().meta({ description: "Exclusive." }),
});

export const auditDescriptions = {
  search: described({
    method: "GET",
    path: "/audit",
    operationId: "searchAuditLog",
    summary: "Search the audit log of one tenant, or the platform's own; newest first.",
    scope: "audit:read",
    query: AuditQuery,
    body: NoBody,
    answer: {
      status: 200,
      schema: listPageOf(AuditRecord.meta({ id: "AuditRecord" })).meta({ id: "AuditPage" }),
    },
    refusals: ["tenant_mismatch", "not_found", "home_not_configured"],
  }),
};
