/**
 * `/v1/policies/{id}/history` and `/revert`. Both go by the history, so both know of deleted policies; a revert is a
 * write like any other, judged by today's rules.
 */
import { PolicyId } from "../kernel/ids.ts";
import { decodeSortKey } from "../kernel/list-page.ts";
import { refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { timestampAfter, timestampOf } from "../kernel/timestamp.ts";
import { checkPolicy } from "../policy/check-policy.ts";
import { PolicyDocument } from "../policy/policy.ts";
import { Revision } from "../policy/snapshot.ts";
import type { ScopeAddress } from "../quota/ledgers.ts";
import type { ControlPlaneDeps } from "./control-plane-deps.ts";
import { checkIfMatch } from "./if-match.ts";
import { type Caller, type Operation, operation } from "./operation.ts";
import { policyHistoryDescriptions, type ToldVersion } from "./policy-history-descriptions.ts";
import { changesOf, type PolicyVersion } from "./policy-version.ts";
import { canSee, notFound } from "./tenant-access.ts";
import { testedChange } from "./tested-change.ts";
import { writtenAnswer } from "./written-answer.ts";

export const policyHistoryOperations = (deps: ControlPlaneDeps): readonly Operation[] => [
  operation(policyHistoryDescriptions.history, async ({ query: { cursor, limit }, param, apiKey }) => {
    const before = cursor === undefined ? ok(Number.MAX_SAFE_INTEGER) : decodeSortKey(cursor, Revision);
    if (!before.ok) return before;
    const found = await findHistory(deps, param("id"), apiKey);
    if (!found.ok) return found;
    const { id, address } = found.value;
    const page = await deps.policyHistory.list(address, id, { before: before.value, limit });
    if (!page.ok) return page;
    return ok({ status: 200, body: { ...page.value, items: page.value.items.map(toldVersion) } });
  }),
  operation(policyHistoryDescriptions.revert, async ({ param, body, ifMatch, ...caller }) => {
    const found = await findHistory(deps, param("id"), caller.apiKey);
    if (!found.ok) return found;
    const { id, address } = found.value;
    const version = await deps.policyHistory.version(address, id, body.revision);
    if (!version.ok) return version;
    if (version.value === null) return fail(notFound("revision in the policy's history", "revision"));
    const wanted = policyToRestore(version.value);
    if (!wanted.ok) return wanted;
    const written = await deps.writer.write({
      ...address,
      caller,
      async plan(revision) {
        // Histories end with their tenant: nothing is restored into one that was deleted meanwhile.
        const still = await findHistory(deps, id, caller.apiKey);
        if (!still.ok) return still;
        const current = await deps.policies.find(id);
        if (!current.ok) return current;
        const before = current.value?.policy ?? null;
        const unmet = await checkIfMatch(ifMatch, before);
        if (unmet !== null) return fail(unmet);
        const nowMs = deps.clock();
        const at = before === null ? timestampOf(nowMs) : timestampAfter(before.updatedAt, nowMs);
        const after: PolicyDocument = { ...wanted.value, id, scope: address.scope, updatedAt: at };
        const facts = { ...address, id, caller, revision, at, before, after, revertedTo: body.revision };
        return testedChange(deps, { ...facts, operation: "revert" });
      },
    });
    return writtenAnswer(200, written);
  }),
];

interface FoundHistory {
  readonly id: PolicyId;
  readonly address: ScopeAddress;
}

/** The history of a policy that exists or did, and that this key may know of. */
export async function findHistory(
  { policyHistory }: Pick<ControlPlaneDeps, "policyHistory">,
  text: string,
  apiKey: Caller["apiKey"],
): Promise<Result<FoundHistory>> {
  const id = PolicyId.safeParse(text);
  if (!id.success) return fail(notFound("policy"));
  const address = await policyHistory.find(id.data);
  if (!address.ok) return address;
  return address.value !== null && canSee(apiKey, address.value.scope)
    ? ok({ id: id.data, address: address.value })
    : fail(notFound("policy"));
}

/** What was meaningful when it was written need not be now: the rules are those of today. */
function policyToRestore({ after, revision }: PolicyVersion): Result<PolicyDocument> {
  if (after === null) {
    const message = `The policy was deleted at revision ${revision}; delete it to have that again.`;
    return fail(refuse("meaningless", { field: "revision", message }));
  }
  const policy = PolicyDocument.safeParse(after);
  if (!policy.success) {
    const message = `What the policy said at revision ${revision} is no policy any more.`;
    return fail(refuse("meaningless", { field: "revision", message }));
  }
  const { id: _id, scope: _scope, createdAt: _createdAt, updatedAt: _updatedAt, ...input } = policy.data;
  const refusal = checkPolicy(input);
  return refusal === null ? ok(policy.data) : fail(refusal);
}

const toldVersion = (version: PolicyVersion): ToldVersion => {
  const { revision, operation, author, at, after, revertedTo } = version;
  return { revision, operation, author, at, policy: after, changes: [...changesOf(version)], revertedTo };
};
