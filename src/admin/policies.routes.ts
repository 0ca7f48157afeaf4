/** `/v1/policies`: the rules of a tenant or of the platform. Every write is a revision of its scope. */
import { PLATFORM, PolicyId } from "../kernel/ids.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { type Timestamp, timestampAfter, timestampOf } from "../kernel/timestamp.ts";
import { checkPolicy } from "../policy/check-policy.ts";
import type { PolicyDocument } from "../policy/policy.ts";
import type { ControlPlaneDeps } from "./control-plane-deps.ts";
import { checkIfMatch } from "./if-match.ts";
import { type Call, type Caller, type Operation, operation } from "./operation.ts";
import type { StoredPolicy } from "./policies.store.ts";
import { policyDescriptions } from "./policy-descriptions.ts";
import type { Written } from "./revisioned-write.store.ts";
import { canSee, notFound, scopeOf, tenantOf } from "./tenant-access.ts";
import { addressOf } from "./tenant-address.ts";
import { testedChange } from "./tested-change.ts";
import { deletedAnswer, objectAnswer, writtenAnswer } from "./written-answer.ts";

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
      async plan(revision) {
        const still = await addressOf(deps.tenants, scope.value, "tenantId");
        if (!still.ok) return still;
        // Minted and dated in turn, so that the order of ids is the order of revisions.
        const at = timestampOf(deps.clock());
        const policy: PolicyDocument = {
          id: deps.ids.policy(),
          scope: scope.value,
          ...input,
          createdAt: at,
          updatedAt: at,
        };
        const { id } = policy;
        const facts = { ...address.value, id, caller, revision, at, before: null, after: policy };
        return testedChange(deps, { ...facts, operation: "create" });
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
    return objectAnswer(200, found.ok ? ok(found.value.policy) : found);
  }),
  operation(policyDescriptions.replace, async ({ body, ...call }) => {
    const refusal = checkPolicy(body);
    if (refusal !== null) return fail(refusal);
    const replaced = ({ id, scope, createdAt }: PolicyDocument, updatedAt: Timestamp): PolicyDocument => ({
      id,
      scope,
      ...body,
      createdAt,
      updatedAt,
    });
    return writtenAnswer(200, await writeFound(deps, call, "update", replaced));
  }),
  operation(policyDescriptions.delete, async (call) =>
    deletedAnswer(await writeFound(deps, call, "delete", () => null)),
  ),
];

/** A write to a policy that there is, and that its author has seen. */
async function writeFound<P extends PolicyDocument | null>(
  deps: ControlPlaneDeps,
  { param, ifMatch, ...caller }: Omit<Call<unknown, unknown>, "query" | "body">,
  operation: "update" | "delete",
  change: (before: PolicyDocument, at: Timestamp) => P,
): Promise<Result<Written<P>>> {
  const findSeen = async (): Promise<Result<StoredPolicy>> => {
    const found = await findPolicy(deps, param("id"), caller.apiKey);
    if (!found.ok) return found;
    const unmet = await checkIfMatch(ifMatch, found.value.policy);
    return unmet === null ? found : fail(unmet);
  };
  // Told before a revision is taken, where it can be; what counts is what is read in turn.
  const found = await findSeen();
  if (!found.ok) return found;
  const { scope, home } = found.value;
  return deps.writer.write({
    scope,
    home,
    caller,
    async plan(revision) {
      const still = await findSeen();
      if (!still.ok) return still;
      const before = still.value.policy;
      const at = timestampAfter(before.updatedAt, deps.clock());
      const after = change(before, at);
      return testedChange(deps, {
        scope,
        home,
        id: before.id,
        operation,
        caller,
        revision,
        at,
        before,
        after,
      });
    },
  });
}

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
