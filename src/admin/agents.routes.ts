/** `/v1/agents`: register, look up, change and delete agents. */
import * as z from "zod";
import { type Agent, AgentInput, AgentPatch } from "../capability/agent.ts";
import { AgentId, DEFAULT_TENANT, PLATFORM, TenantId } from "../kernel/ids.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { timestampOf } from "../kernel/timestamp.ts";
import { createAgent, deleteAgent, patchAgent } from "./agent-writer.ts";
import type { ControlPlaneDeps } from "./control-plane-deps.ts";
import { ListQuery } from "./list-query.ts";
import { NoBody, NoQuery, type Operation, operation } from "./operation.ts";
import { canSee, notFound, scopeFor } from "./tenant-access.ts";
import { addressOf } from "./tenant-address.ts";

const AgentsQuery = ListQuery.extend({ tenant: TenantId.optional() });

export function agentOperations(deps: ControlPlaneDeps): readonly Operation[] {
  return [
    operation({
      method: "POST",
      path: "/agents",
      scope: "agents:write",
      query: NoQuery,
      body: AgentInput,
      async handle({ body: { tenantId: requested, ...input }, apiKey, requestId }) {
        const scope = scopeFor(apiKey, requested, DEFAULT_TENANT, "tenantId");
        if (!scope.ok) return scope;
        const address = await addressOf(deps.tenants, scope.value, "tenantId");
        if (!address.ok) return address;
        const at = timestampOf(deps.clock());
        const agent: Agent = {
          ...input,
          id: deps.ids.agent(),
          tenantId: address.value.tenantId,
          status: "active",
          version: 1,
          createdAt: at,
          updatedAt: at,
        };
        const created = await createAgent(deps, { apiKey, requestId }, agent, address.value.home);
        deliver(agent, address.value.home);
        return created.ok ? ok({ status: 201, body: created.value }) : created;
      },
    }),
  ];
}
