/**
 * Constraints made ready for deciding: what of them does not depend on the ask is worked out once, when a snapshot is
 * new (or per request for a token's own), and not for every policy of every request.
 */
import type { ResidencyDemand } from "../residency/narrowed-promise.ts";
import { unavailableKey } from "./constraint-table.ts";
import type { ConstraintKey, Constraints } from "./constraints.ts";
import { type ContentCheck, contentChecksOf, patternsOf } from "./content.ts";
import type { PatternSet } from "./denied-patterns.ts";
import { type LimitSet, limitSet } from "./limit-claims.ts";
import { type Check, checksOf } from "./selectors.ts";

export interface ConstraintSet {
  readonly constraints: Constraints;
  /** The first key that cannot be enforced yet. */
  readonly unavailable: ConstraintKey | undefined;
  readonly checks: readonly Check[];
  readonly contentChecks: readonly ContentCheck[];
  /** Null when it names none. */
  readonly patterns: PatternSet | null;
  readonly limits: LimitSet;
  /** Null when it says nothing about backends. */
  readonly demand: ResidencyDemand | null;
}

/** @param owner whose counters the limits name. */
export function constraintSet(owner: string, constraints: Constraints): ConstraintSet {
  const { dataResidency, processing, quotaScope } = constraints;
  return {
    constraints,
    unavailable: unavailableKey(constraints),
    checks: checksOf(constraints),
    contentChecks: contentChecksOf(constraints),
    patterns: patternsOf(constraints),
    limits: limitSet(owner, quotaScope ?? "agent", constraints),
    demand: dataResidency === undefined && processing === undefined ? null : { dataResidency, processing },
  };
}
