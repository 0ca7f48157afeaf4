/** What the operations of `/v1/agents` take and answer. */
import { Agent, AgentInput, AgentPatch } from "../capability/agent.ts";
import { AgentId, TenantId } from "../kernel/ids.ts";
import { listPageOf } from "../kernel/list-page.ts";
import type { RefusalCode } from "../kernel/refusal.ts";
import { ListQuery } from "./list-query.ts";
import { described, NoBody, NoQuery } from "./operation-description.ts";

const AgentsQuery = ListQuery.extend({ tenant: TenantId.optional() });
const AgentDocument = Agent.meta({ id: "Agent" });
const params = { id: AgentId };
const ofWrites = ["write_in_progress", "ledger_unavailable"] as const satisfies readonly RefusalCode[];

export const agentDescriptions = {
  create: described({
    method: "POST",
    path: "/agents",
    operationId: "createAgent",
    summary: "Register an agent. It can be issued tokens as soon as this has answered.",
    scope: "agents:write",
    query: NoQuery,
    body: AgentInput.meta({ id: "AgentInput" }),
    example: { name: "support-bot", description: "Answers customers.", roles: ["support"] },
    answer: { status: 201, schema: AgentDocument, hasEtag: true },
    refusals: ["tenant_mismatch", "not_found", "home_not_configured", "meaningless", ...ofWrites],
  }),
  list: described({
    method: "GET",
    path: "/agents",
    operationId: "listAgents",
    summary: "List the agents of one tenant.",
    scope: "agents:read",
    query: AgentsQuery,
    body: NoBody,
    answer: { status: 200, schema: listPageOf(AgentDocument).meta({ id: "AgentPage" }) },
    refusals: ["tenant_mismatch", "not_found", "home_not_configured"],
  }),
  get: described({
    method: "GET",
    path: "/agents/:id",
    operationId: "getAgent",
    summary: "Look up an agent.",
    scope: "agents:read",
    params,
    query: NoQuery,
    body: NoBody,
    answer: { status: 200, schema: AgentDocument, hasEtag: true },
  }),
  change: described({
    method: "PATCH",
    path: "/agents/:id",
    operationId: "changeAgent",
    summary:
      "Change an agent. Disabling it is in effect once this has answered: no later request is decided as before.",
    scope: "agents:write",
    params,
    query: NoQuery,
    body: AgentPatch.meta({ id: "AgentPatch" }),
    example: { status: "disabled" },
    answer: { status: 200, schema: AgentDocument, hasEtag: true },
    refusals: ["meaningless", ...ofWrites],
  }),
  delete: described({
    method: "DELETE",
    path: "/agents/:id",
    operationId: "deleteAgent",
    summary: "Delete an agent. Its tokens are refused once this has answered.",
    scope: "agents:write",
    params,
    query: NoQuery,
    body: NoBody,
    answer: { status: 204, schema: null },
    refusals: ofWrites,
  }),
};
