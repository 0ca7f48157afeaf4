/**
 * The policies in shadow, made ready for judging each of them alone beside the live ones. Nothing that decides reads
 * them.
 */
import { type BoundarySet, boundarySet } from "./boundary-set.ts";
import { type Coverings, coverings } from "./coverings.ts";
import { inOrder } from "./policy-order.ts";
import type { LiveRules, Rule, RuleKinds } from "./rules.ts";

export interface ShadowBoundary {
  readonly rule: Rule;
  /** The live boundaries and this one, where its place is among them. */
  readonly among: BoundarySet;
  /** Whether it can leave no candidate of an ask that is inside it, or none that needs no approval. */
  readonly bindsCandidates: boolean;
}

export interface ShadowRules {
  readonly count: number;
  readonly boundaries: readonly ShadowBoundary[];
  readonly covering: Coverings;
}

/** Null where there are none. */
export function shadowRules(
  { denies, grants, boundaries }: RuleKinds,
  live: Pick<LiveRules, "boundaries" | "tenantLimits">,
): ShadowRules | null {
  const count = denies.length + grants.length + boundaries.length;
  if (count === 0) return null;
  return {
    count,
    boundaries: boundaries.map((rule) => ({
      rule,
      among: boundarySet(
        inOrder([...live.boundaries, rule], ({ policy }) => policy),
        live.tenantLimits,
      ),
      bindsCandidates:
        rule.demand !== null ||
        rule.limits.limits.length > 0 ||
        rule.constraints.maxTokensPerRequest !== undefined ||
        // It refuses what nothing can make shorter, and cuts the rest.
        rule.constraints.maxOutputTokens !== undefined ||
        rule.constraints.requiresApproval === true,
    })),
    covering: coverings(denies, grants, boundaries),
  };
}
