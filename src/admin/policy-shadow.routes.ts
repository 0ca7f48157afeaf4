/**
 * `GET /v1/policies/{id}/shadow`: what a policy would have changed. It goes by the policy's history, so what was recorded
 * in shadow stays readable when the policy has gone live since, or was deleted.
 */
import { joinedSums, type ShadowQuestion } from "../audit/shadow-sums.ts";
import { PLATFORM } from "../kernel/ids.ts";
import { ok, type Result } from "../kernel/result.ts";
import type { ControlPlaneDeps } from "./control-plane-deps.ts";
import { type Operation, operation } from "./operation.ts";
import { findHistory } from "./policy-history.routes.ts";
import { policyShadowDescriptions, type ShadowSummary } from "./policy-shadow-descriptions.ts";
import { periodOf, shadowRange, startOf } from "./shadow-range.ts";

export const policyShadowOperations = (deps: ControlPlaneDeps): readonly Operation[] => [
  operation(policyShadowDescriptions.sums, async ({ query, param, apiKey }) => {
    const found = await findHistory(deps, param("id"), apiKey);
    if (!found.ok) return found;
    const { id, address } = found.value;
    const range = shadowRange(query, deps.clock());
    if (!range.ok) return range;
    const known = await deps.policyHistory.shadow(address, id);
    if (!known.ok) return known;
    const { mode, lastInShadow } = known.value;
    const { scope } = address;
    const version = range.value === null ? lastInShadow : null;
    const period = range.value ?? periodOf(version);
    const sums =
      period === null
        ? ok(joinedSums([]))
        : await sumsOf(deps, address.home, {
            ...period,
            policyId: id,
            tenantId: scope === PLATFORM ? null : scope,
          });
    if (!sums.ok) return sums;
    const { decisions, flips, agents, samples } = sums.value;
    const body: ShadowSummary = {
      policyId: id,
      scope,
      mode,
      version: version && { revision: version.revision, at: version.at, until: version.next?.at ?? null },
      range: range.value && { from: startOf(range.value.from), to: startOf(range.value.to) },
      decisions,
      flips,
      agents: agents.map((sum) => ({ ...sum, agentId: sum.agentId || null })),
      samples: samples.map((sample) => ({
        ...sample,
        agentId: sample.agentId || null,
        hour: startOf(sample.hour),
      })),
    };
    return ok({ status: 200, body });
  }),
];

/** Of one home for a tenant's policy; a policy of the platform is in shadow for the tenants of all homes. */
async function sumsOf(
  { homes, shadowFlips }: Pick<ControlPlaneDeps, "homes" | "shadowFlips">,
  home: ControlPlaneDeps["homes"][number],
  question: ShadowQuestion,
): Promise<Result<ReturnType<typeof joinedSums>>> {
  const asked = question.tenantId === null ? homes : [home];
  const answers = await Promise.all(asked.map((one) => shadowFlips.sums(one, question)));
  const failed = answers.find((answer) => !answer.ok);
  if (failed && !failed.ok) return failed;
  return ok(joinedSums(answers.flatMap((answer) => (answer.ok ? [answer.value] : []))));
}
