/** `/v1/tenants`: who there is and where their data lives. Written by platform keys; a bound key may read its own. */
import { DEFAULT_TENANT, TenantId } from "../kernel/ids.ts";
import { type Refusal, refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import type { Tenant } from "../policy/tenant.ts";
import type { ControlPlaneDeps } from "./control-plane-deps.ts";
import { type Operation, operation } from "./operation.ts";
import { canSee, notFound } from "./tenant-access.ts";
import { tenantDescriptions } from "./tenant-descriptions.ts";
import { createTenant, deleteTenant, replaceTenant } from "./tenant-writer.ts";
import { deletedAnswer, objectAnswer, writtenAnswer } from "./written-answer.ts";

export const tenantOperations = (deps: ControlPlaneDeps): readonly Operation[] => [
  operation(tenantDescriptions.create, async ({ body, ...caller }) => {
    const written = await createTenant(deps, caller, body);
    return writtenAnswer(201, written);
  }),
  operation(tenantDescriptions.list, async ({ query }) => {
    const tenants = await deps.tenants.list(query);
    return tenants.ok ? ok({ status: 200, body: tenants.value }) : tenants;
  }),
  operation(tenantDescriptions.get, async ({ param, apiKey }) => {
    const id = TenantId.safeParse(param("id"));
    if (!id.success || !canSee(apiKey, id.data)) return fail(notFound("tenant"));
    const found = await findTenant(deps, id.data);
    return objectAnswer(200, found);
  }),
  operation(tenantDescriptions.replace, async ({ param, body, ifMatch, ...caller }) => {
    const id = TenantId.safeParse(param("id"));
    if (!id.success) return fail(notFound("tenant"));
    const found = await findTenant(deps, id.data);
    if (!found.ok) return found;
    const { home } = found.value;
    if (body.id !== undefined && body.id !== id.data) return fail(fixed("id"));
    if (body.home !== undefined && body.home !== home) return fail(fixed("home"));
    const written = await replaceTenant(deps, caller, { ...body, id: id.data, home }, ifMatch);
    return writtenAnswer(200, written);
  }),
  operation(tenantDescriptions.delete, async ({ param, ifMatch, ...caller }) => {
    const id = TenantId.safeParse(param("id"));
    if (!id.success) return fail(notFound("tenant"));
    if (id.data === DEFAULT_TENANT) {
      return fail(refuse("in_use", { message: "`default-tenant` cannot be deleted." }));
    }
    const deleted = await deleteTenant(deps, caller, id.data, ifMatch);
    return deletedAnswer(deleted);
  }),
];

async function findTenant(
  { tenants }: Pick<ControlPlaneDeps, "tenants">,
  id: TenantId,
): Promise<Result<Tenant>> {
  const found = await tenants.find(id);
  if (!found.ok) return found;
  return found.value === null ? fail(notFound("tenant")) : ok(found.value);
}

const fixed = (field: "id" | "home"): Refusal =>
  refuse("meaningless", { field, message: `A tenant's ${field} is fixed at its creation.` });
