/** What the operations of `/v1/policies` take and answer. */
import { PolicyId, Scope, TenantId } from "../kernel/ids.ts";
import { listPageOf } from "../kernel/list-page.ts";
import type { RefusalCode } from "../kernel/refusal.ts";
import { PolicyDocument, PolicyInput } from "../policy/policy.ts";
import { Revision } from "../policy/snapshot.ts";
import { ListQuery } from "./list-query.ts";
import { described, NoBody, NoQuery } from "./operation-description.ts";

/** The tenant is named at creation and never changes: its counters and records carry it. */
const NewPolicy = PolicyInput.extend({ tenantId: TenantId.optional() }).meta({ id: "NewPolicy" });
const PoliciesQuery = ListQuery.extend({ tenant: Scope.optional() });
const ShownPolicy = PolicyDocument.meta({ id: "Policy" });
export const WrittenPolicy = PolicyDocument.extend({ revision: Revision }).meta({ id: "WrittenPolicy" });
const params = { id: PolicyId };
const ofWrites = [
  "policy_tests_failed",
  "write_in_progress",
  "ledger_unavailable",
] as const satisfies readonly RefusalCode[];
const example = {
  name: "Support may chat",
  effect: "allow",
  actions: ["chat"],
  resources: ["api://azure-openai/models/gpt-4o"],
  constraints: { maxTokensPerDay: 200_000 },
};

export const policyDescriptions = {
  create: described({
    method: "POST",
    path: "/policies",
    operationId: "createPolicy",
    summary: "Write a policy. Once this has answered, no request anywhere is decided without it.",
    scope: "policies:write",
    query: NoQuery,
    body: NewPolicy,
    example,
    answer: { status: 201, schema: WrittenPolicy, hasRevision: true, hasEtag: true },
    refusals: ["tenant_mismatch", "not_found", "home_not_configured", "meaningless", ...ofWrites],
  }),
  list: described({
    method: "GET",
    path: "/policies",
    operationId: "listPolicies",
    summary: "List the policies of one tenant or of the platform.",
    scope: "policies:read",
    query: PoliciesQuery,
    body: NoBody,
    answer: { status: 200, schema: listPageOf(ShownPolicy).meta({ id: "PolicyPage" }) },
    refusals: ["tenant_mismatch", "not_found", "home_not_configured"],
  }),
  get: described({
    method: "GET",
    path: "/policies/:id",
    operationId: "getPolicy",
    summary: "Look up a policy.",
    scope: "policies:read",
    params,
    query: NoQuery,
    body: NoBody,
    answer: { status: 200, schema: ShownPolicy, hasEtag: true },
  }),
  replace: described({
    method: "PUT",
    path: "/policies/:id",
    operationId: "replacePolicy",
    summary: "Replace a policy. Its counters go on.",
    scope: "policies:write",
    params,
    query: NoQuery,
    body: PolicyInput.meta({ id: "PolicyInput" }),
    example,
    answer: { status: 200, schema: WrittenPolicy, hasRevision: true, hasEtag: true },
    refusals: ["meaningless", ...ofWrites],
  }),
  delete: described({
    method: "DELETE",
    path: "/policies/:id",
    operationId: "deletePolicy",
    summary: "Delete a policy.",
    scope: "policies:write",
    params,
    query: NoQuery,
    body: NoBody,
    answer: { status: 204, schema: null, hasRevision: true },
    refusals: ofWrites,
  }),
};
