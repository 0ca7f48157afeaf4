/** `/v1/audit`: search the audit log of one tenant, or the platform's own. */
import { DecisionOutcome } from "../audit/audit-record.ts";
import { AgentId, DEFAULT_TENANT, Scope } from "../kernel/ids.ts";
import { ok } from "../kernel/result.ts";
import { Timestamp } from "../kernel/timestamp.ts";
import type { ControlPlaneDeps } from "./control-plane-deps.ts";
import { ListQuery } from "./list-query.ts";
import { NoBody, type Operation, operation } from "./operation.ts";
import { scopeOf } from "./tenant-access.ts";
import { addressOf } from "./tenant-address.ts";

const AuditQuery = ListQuery.extend({
  tenant: Scope.optional(),
  agent: AgentId.optional(),
  decision: DecisionOutcome.optional(),
  /** Inclusive. */
  from: Timestamp.optional(),
  /** Exclusive. */
  to: Timestamp.optional(),
});

export const auditOperations = (deps: ControlPlaneDeps): readonly Operation[] => [
  operation({
    method: "GET",
    path: "/audit",
    scope: "audit:read",
    query: AuditQuery,
    body: NoBody,
    async handle({ query: { tenant: requested, agent: agentId, ...search }, apiKey }) {
      const scope = scopeOf(apiKey, requested, DEFAULT_TENANT, "tenant");
      if (!scope.ok) return scope;
      const address = await addressOf(deps.tenants, scope.value, "tenant");
      if (!address.ok) return address;
      const records = await deps.auditLog.search(address.value.home, {
        ...search,
        tenantId: scope.value,
        agentId,
      });
      return records.ok ? ok({ status: 200, body: records.value }) : records;
    },
  }),
];
