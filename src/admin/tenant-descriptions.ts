/** What the operations of `/v1/tenants` take and answer. */
import { TenantId } from "../kernel/ids.ts";
import { listPageOf } from "../kernel/list-page.ts";
import type { RefusalCode } from "../kernel/refusal.ts";
import { Revision } from "../policy/snapshot.ts";
import { Tenant } from "../policy/tenant.ts";
import { Home } from "../residency/home.ts";
import { ListQuery } from "./list-query.ts";
import { described, NoBody, NoQuery } from "./operation-description.ts";

/** Id and home may be repeated, so that what was read can be written back; neither can be changed. */
const TenantReplacement = Tenant.extend({ id: TenantId.optional(), home: Home.optional() }).meta({
  id: "TenantReplacement",
});
const TenantDocument = Tenant.meta({ id: "Tenant" });
const WrittenTenant = Tenant.extend({ revision: Revision }).meta({ id: "WrittenTenant" });
const params = { id: TenantId };
const ofReads = ["home_not_configured"] as const satisfies readonly RefusalCode[];
const ofWrites = [
  "home_not_configured",
  "write_in_progress",
  "ledger_unavailable",
] as const satisfies readonly RefusalCode[];
const example = { id: "acme", name: "Acme", limits: { maxTokensPerDay: 1_000_000 } };

export const tenantDescriptions = {
  create: described({
    method: "POST",
    path: "/tenants",
    operationId: "createTenant",
    summary: "Create a tenant. Its id and home are fixed from here on.",
    scope: "tenants:write",
    platformOnly: true,
    query: NoQuery,
    body: Tenant.meta({ id: "TenantInput" }),
    example,
    answer: { status: 201, schema: WrittenTenant, hasRevision: true, hasEtag: true },
    refusals: ["already_exists", ...ofWrites],
  }),
  list: described({
    method: "GET",
    path: "/tenants",
    operationId: "listTenants",
    summary: "List tenants.",
    scope: "tenants:read",
    platformOnly: true,
    query: ListQuery,
    body: NoBody,
    answer: { status: 200, schema: listPageOf(TenantDocument).meta({ id: "TenantPage" }) },
    refusals: ofReads,
  }),
  get: described({
    method: "GET",
    path: "/tenants/:id",
    operationId: "getTenant",
    summary: "Look up a tenant.",
    scope: "tenants:read",
    params,
    query: NoQuery,
    body: NoBody,
    answer: { status: 200, schema: TenantDocument, hasEtag: true },
    refusals: ofReads,
  }),
  replace: described({
    method: "PUT",
    path: "/tenants/:id",
    operationId: "replaceTenant",
    summary: "Replace what a tenant is called, promises and may use. Its id and home are fixed.",
    scope: "tenants:write",
    platformOnly: true,
    params,
    query: NoQuery,
    body: TenantReplacement,
    example,
    answer: { status: 200, schema: WrittenTenant, hasRevision: true, hasEtag: true },
    refusals: ["meaningless", ...ofWrites],
  }),
  delete: described({
    method: "DELETE",
    path: "/tenants/:id",
    operationId: "deleteTenant",
    summary: "Delete a tenant that has no agents, policies and API keys left.",
    scope: "tenants:write",
    platformOnly: true,
    params,
    query: NoQuery,
    body: NoBody,
    answer: { status: 204, schema: null, hasRevision: true },
    refusals: ["in_use", ...ofWrites],
  }),
};
