/**
 * Boundaries: every ask must be inside all of them. A boundary's actions, resources and selectors describe the inside;
 * its limits and obligations join those of whatever grant allows. So a further boundary never allows what was refused.
 */
import { type Refusal, refuse } from "../kernel/refusal.ts";
import { coversAction, coversResource } from "./coverage.ts";
import type { Ask } from "./decision.ts";
import { toolRefusal } from "./features.ts";
import type { Rule } from "./rules.ts";
import { type Facts, unmetOf } from "./selectors.ts";

/** What an ask is for, as far as it is known: before the body some of it is not. */
export type Asked = Partial<Pick<Ask, "action" | "resource" | "tools" | "content">>;

/** Null when the ask is inside, as far as it is known. */
export function boundaryRefusal(boundary: Rule, asked: Asked, facts: Facts): Refusal | null {
  const { policy, unavailable, checks } = boundary;
  const { action, resource, tools, content } = asked;
  if (unavailable !== undefined)
    return refuse("constraint_not_available", {
      evidence: { constraint: unavailable, policyId: policy.id },
    });
  if (action !== undefined && !coversAction(policy.actions, action))
    return outside(boundary, { constraint: "actions", actual: action, limit: policy.actions });
  if (resource !== undefined && !coversResource(policy.resources, resource))
    return outside(boundary, { constraint: "resources", actual: resource, limit: policy.resources });
  const unmet =
    unmetOf(checks, facts) ??
    (tools === undefined ? null : toolRefusal(boundary, { tools })) ??
    (content === undefined ? null : unmetOf(boundary.contentChecks, content));
  if (unmet === null) return null;
  return unmet.code === "indeterminate"
    ? { ...unmet, evidence: { ...unmet.evidence, policyId: policy.id } }
    : outside(boundary, { ...unmet.evidence, unmet: unmet.code });
}

const outside = ({ policy }: Rule, evidence: NonNullable<Refusal["evidence"]>): Refusal =>
  refuse("outside_boundary", { evidence: { ...evidence, policyId: policy.id } });
