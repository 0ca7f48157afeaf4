/** `/v1/approvals`: what waits for a decision, and the decisions. */
import { ApprovalId, DEFAULT_TENANT } from "../kernel/ids.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { approvalDescriptions } from "./approval-descriptions.ts";
import { type Decision, decideApproval, findApproval } from "./approval-writer.ts";
import type { ControlPlaneDeps } from "./control-plane-deps.ts";
import { type Answer, type Caller, type Operation, operation } from "./operation.ts";
import { notFound, tenantOf } from "./tenant-access.ts";
import { addressOf } from "./tenant-address.ts";
import { objectAnswer } from "./written-answer.ts";

export const approvalOperations = (deps: ControlPlaneDeps): readonly Operation[] => [
  operation(
    approvalDescriptions.list,
    async ({ query: { tenant: requested, agent: agentId, ...search }, apiKey }) => {
      const tenantId = tenantOf(apiKey, requested, DEFAULT_TENANT, "tenant");
      if (!tenantId.ok) return tenantId;
      const address = await addressOf(deps.tenants, tenantId.value, "tenant");
      if (!address.ok) return address;
      const of = { tenantId: tenantId.value, agentId, nowMs: deps.clock() };
      const approvals = await deps.approvals.list(address.value.home, { ...search, ...of });
      return approvals.ok ? ok({ status: 200, body: approvals.value }) : approvals;
    },
  ),
  operation(approvalDescriptions.get, async ({ param, apiKey }) => {
    const id = ApprovalId.safeParse(param("id"));
    if (!id.success) return fail(notFound("approval"));
    const found = await findApproval(deps, { apiKey }, id.data);
    return objectAnswer(200, found.ok ? ok(found.value.approval) : found);
  }),
  operation(approvalDescriptions.approve, ({ param, body, ...caller }) => {
    const { reason = null, expiresInSeconds } = body;
    return decided(deps, caller, param("id"), { decision: "approved", reason, expiresInSeconds });
  }),
  operation(approvalDescriptions.deny, ({ param, body: { reason = null }, ...caller }) =>
    decided(deps, caller, param("id"), { decision: "denied", reason, expiresInSeconds: null }),
  ),
];

async function decided(
  deps: ControlPlaneDeps,
  { apiKey, requestId }: Caller,
  text: string,
  decision: Decision,
): Promise<Result<Answer>> {
  const id = ApprovalId.safeParse(text);
  if (!id.success) return fail(notFound("approval"));
  return objectAnswer(200, await decideApproval(deps, { apiKey, requestId }, id.data, decision));
}
