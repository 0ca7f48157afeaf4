/** The boundaries that bind every ask, and what each grant comes to inside them. */
import type { ResidencyDemand } from "../residency/narrowed-promise.ts";
import type { ConstraintSet } from "./constraint-set.ts";
import { type JointTerms, jointTerms } from "./joint-terms.ts";
import type { LimitSet } from "./limit-claims.ts";
import type { Rule } from "./rules.ts";

export interface BoundarySet {
  /** In order: an ask must be inside every one. */
  readonly boundaries: readonly Rule[];
  readonly boundaryDemands: readonly ResidencyDemand[];
  /** @param token what the token demands, all together; empty where it covers all that the policies grant. */
  termsOf(grant: Rule, token: readonly ConstraintSet[]): JointTerms;
}

export function boundarySet(boundaries: readonly Rule[], tenantLimits: LimitSet): BoundarySet {
  // Of grants alone: a token comes and goes, its terms are made for the request.
  const known = new Map<Rule, JointTerms>();
  return {
    boundaries,
    boundaryDemands: boundaries.flatMap(({ demand }) => demand ?? []),
    termsOf(grant, token) {
      if (token.length > 0) return jointTerms(grant, token, boundaries, tenantLimits);
      let terms = known.get(grant);
      if (terms === undefined) {
        terms = jointTerms(grant, [], boundaries, tenantLimits);
        known.set(grant, terms);
      }
      return terms;
    },
  };
}
