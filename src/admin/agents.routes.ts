/** `/v1/agents`: register, look up, change and delete agents. */
import { type Agent, AgentInput, AgentPatch } from "../capability/agent.ts";
import { AgentId, DEFAULT_TENANT, TenantId } from "../kernel/ids.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { timestampOf } from "../kernel/timestamp.ts";
import { createAgent, deleteAgent, patchAgent } from "./agent-writer.ts";
import type { StoredAgent } from "./agents.store.ts";
import type { ControlPlaneDeps } from "./control-plane-deps.ts";
import { ListQuery } from "./list-query.ts";
import { type Caller, NoBody, NoQuery, type Operation, operation } from "./operation.ts";
import { canSee, notFound, tenantOf } from "./tenant-access.ts";
import { addressOf } from "./tenant-address.ts";

const AgentsQuery = ListQuery.extend({ tenant: TenantId.optional() });

export const agentOperations = (deps: ControlPlaneDeps): readonly Operation[] => [
  operation({
    method: "POST",
    path: "/agents",
    scope: "agents:write",
    query: NoQuery,
    body: AgentInput,
    async handle({ body: { tenantId: requested, ...input }, ...caller }) {
      const tenant = tenantOf(caller.apiKey, requested, DEFAULT_TENANT, "tenantId");
      if (!tenant.ok) return tenant;
      const address = await addressOf(deps.tenants, tenant.value, "tenantId");
      if (!address.ok) return address;
      const at = timestampOf(deps.clock());
      const agent: Agent = {
        id: deps.ids.agent(),
        tenantId: tenant.value,
        ...input,
        status: "active",
        version: 1,
        createdAt: at,
        updatedAt: at,
      };
      const created = await createAgent(deps, caller, agent, address.value.home);
      return created.ok ? ok({ status: 201, body: created.value }) : created;
    },
  }),
  operation({
    method: "GET",
    path: "/agents",
    scope: "agents:read",
    query: AgentsQuery,
    body: NoBody,
    async handle({ query: { tenant: requested, ...page }, apiKey }) {
      const tenant = tenantOf(apiKey, requested, DEFAULT_TENANT, "tenant");
      if (!tenant.ok) return tenant;
      const address = await addressOf(deps.tenants, tenant.value, "tenant");
      if (!address.ok) return address;
      const agents = await deps.agents.list({ tenantId: tenant.value, home: address.value.home }, page);
      return agents.ok ? ok({ status: 200, body: agents.value }) : agents;
    },
  }),
  operation({
    method: "GET",
    path: "/agents/:id",
    scope: "agents:read",
    query: NoQuery,
    body: NoBody,
    async handle({ param, apiKey }) {
      const found = await findAgent(deps, param("id"), apiKey);
      return found.ok ? ok({ status: 200, body: found.value.agent }) : found;
    },
  }),
  operation({
    method: "PATCH",
    path: "/agents/:id",
    scope: "agents:write",
    query: NoQuery,
    body: AgentPatch,
    async handle({ param, body, ...caller }) {
      const id = AgentId.safeParse(param("id"));
      if (!id.success) return fail(notFound("agent"));
      const changed = await patchAgent(deps, caller, id.data, body);
      return changed.ok ? ok({ status: 200, body: changed.value }) : changed;
    },
  }),
  operation({
    method: "DELETE",
    path: "/agents/:id",
    scope: "agents:write",
    query: NoQuery,
    body: NoBody,
    async handle({ param, ...caller }) {
      const id = AgentId.safeParse(param("id"));
      if (!id.success) return fail(notFound("agent"));
      const deleted = await deleteAgent(deps, caller, id.data);
      return deleted.ok ? ok({ status: 204 }) : deleted;
    },
  }),
];

/** An agent that exists and that this key may know of. */
export async function findAgent(
  { agents }: Pick<ControlPlaneDeps, "agents">,
  text: string,
  apiKey: Caller["apiKey"],
): Promise<Result<StoredAgent>> {
  const id = AgentId.safeParse(text);
  if (!id.success) return fail(notFound("agent"));
  const found = await agents.find(id.data);
  if (!found.ok) return found;
  const stored = found.value;
  const isVisible = stored !== null && stored.status !== "deleted" && canSee(apiKey, stored.agent.tenantId);
  return isVisible ? ok(stored) : fail(notFound("agent"));
}
