import { DEFAULT_TENANT } from "../kernel/ids.ts";
import { ok } from "../kernel/result.ts";
import { auditDescriptions } from "./audit-descriptions.ts";
import type { ControlPlaneDeps } from "./control-plane-deps.ts";
import { type Operation, operation } from "./operation.ts";
import { scopeOf } from "./tenant-access.ts";
import { addressOf } from "./tenant-address.ts";

export const auditOperations = (deps: ControlPlaneDeps): readonly Operation[] => [
  operation(
    auditDescriptions.search,
    async ({ query: { tenant: requested, agent: agentId, ...search }, apiKey }) => {
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
  ),
];
