/** `/v1/policies`: the rules of a tenant or of the platform. Every write is a revision of its scope. */
import { PLATFORM, PolicyId } from "../kernel/ids.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { timestampOf } from "../kernel/timestamp.ts";
import type { Policy } from "../policy/policy.ts";
import { checkPolicy } from "./check-policy.ts";
import type { ControlPlaneDeps } from "./control-plane-deps.ts";
import { type Caller, type Operation, operation } from "./operation.ts";
import type { StoredPolicy } from "./policies.store.ts";
import { policyDescriptions } from "./policy-descriptions.ts";
import { canSee, notFound, scopeOf, tenantOf } from "./tenant-access.ts";
import { addressOf } from "./tenant-address.ts";
import { deletedAnswer, writtenAnswer } from "./written-answer.ts";

export const policyOperations = (deps: ControlPlaneDeps): readonly Operation[] => [
  operation(policyDescriptions.create, async ({ body: { tenantId: requested, ...input }, ...caller }) => {
    const refusal = checkPolicy(input);
    if (refusal !== null) return fail(refusal);
    const scope = tenantOf(caller.apiKey, requested, PLATFORM, "tenantId");
    if (!scope.ok) return scope;
    const address = await addressOf(deps.tenants, scope.value, "tenantId");
    if (!address.ok) return address;
    const written = await deps.writer.write({
      ...address.value,
      caller,
      async plan() {
        const still = await addressOf(deps.tenants, scope.value, "tenantId");
        if (!still.ok) return still;
        // Minted and dated in turn, so that the order of ids is the order of revisions.
        const at = timestampOf(deps.clock());
        const policy: Policy = {
          id: deps.ids.policy(),
          scope: scope.value,
          ...input,
          createdAt: at,
          updatedAt: at,
        };
        const statements = [deps.policies.put(address.value, policy)];
        return ok({ statements, operation: "policy.create", objectId: policy.id, value: policy });
      },
    });
    return writtenAnswer(201, written);
  }),
  operation(policyDescriptions.list, async ({ query: { tenant: requested, ...page }, apiKey }) => {
    const scope = scopeOf(apiKey, requested, PLATFORM, "tenant");
    if (!scope.ok) return scope;
    const address = await addressOf(deps.tenants, scope.value, "tenant");
    if (!address.ok) return address;
    const policies = await deps.policies.list(address.value, page);
    return policies.ok ? ok({ status: 200, body: policies.value }) : policies;
  }),
  operation(policyDescriptions.get, async ({ param, apiKey }) => {
    const found = await findPolicy(deps, param("id"), apiKey);
    return found.ok ? ok({ status: 200, body: found.value.policy }) : found;
  }),
  operation(policyDescriptions.replace, async ({ param, body, ...caller }) => {
    const refusal = checkPolicy(body);
    if (refusal !== null) return fail(refusal);
    const found = await findPolicy(deps, param("id"), caller.apiKey);
    if (!found.ok) return found;
    const { scope, home } = found.value;
    const written = await deps.writer.write({
      scope,
      home,
      caller,
      async plan() {
        const still = await findPolicy(deps, param("id"), caller.apiKey);
        if (!still.ok) return still;
        const { id, createdAt } = still.value.policy;
        const updatedAt = timestampOf(deps.clock());
        const policy: Policy = { id, scope, ...body, createdAt, updatedAt };
        const statements = [deps.policies.put({ scope, home }, policy)];
        return ok({ statements, operation: "policy.update", objectId: id, value: policy });
      },
    });
    return writtenAnswer(200, written);
  }),
  operation(policyDescriptions.delete, async ({ param, ...caller }) => {
    const found = await findPolicy(deps, param("id"), caller.apiKey);
    if (!found.ok) return found;
    const { scope, home } = found.value;
    const written = await deps.writer.write({
      scope,
      home,
      caller,
      async plan() {
        const still = await findPolicy(deps, param("id"), caller.apiKey);
        if (!still.ok) return still;
        const { id } = still.value.policy;
        const statements = [deps.policies.delete({ scope, home }, id)];
        return ok({ statements, operation: "policy.delete", objectId: id, value: null });
      },
    });
    return deletedAnswer(written);
  }),
];

/** A policy that exists and that this key may know of: platform policies belong to the platform's keys. */
async function findPolicy(
  { policies }: Pick<ControlPlaneDeps, "policies">,
  text: string,
  apiKey: Caller["apiKey"],
): Promise<Result<StoredPolicy>> {
  const id = PolicyId.safeParse(text);
  if (!id.success) return fail(notFound("policy"));
  const found = await policies.find(id.data);
  if (!found.ok) return found;
  return found.value !== null && canSee(apiKey, found.value.scope)
    ? ok(found.value)
    : fail(notFound("policy"));
}
