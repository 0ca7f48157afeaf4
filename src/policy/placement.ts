/**
 * Where one ask may be processed: the tenant's promise, narrowed by all boundaries, and then by a grant and its token.
 * Nothing of it needs the body, once the deployment is named.
 */
import { fail, ok, type Result } from "../kernel/result.ts";
import {
  demandedBackends,
  type ResidencyObligation,
  residencyObligation,
} from "../residency/demanded-backends.ts";
import type { ResidencyDemand } from "../residency/narrowed-promise.ts";
import type { ResidencyPromise } from "../residency/promise.ts";
import type { ConstraintSet } from "./constraint-set.ts";
import type { Ask } from "./decision.ts";
import { indeterminate } from "./indeterminate.ts";
import type { Rules } from "./rules.ts";

type Placed = Pick<Ask, "deployment" | "classification">;

/** What every candidate of one ask shares. */
export interface Placement {
  readonly asked: Placed;
  readonly rules: Pick<Rules, "deployment">;
  readonly promise: ResidencyPromise;
  readonly boundaryDemands: readonly ResidencyDemand[];
  /** Of promise and boundaries. */
  readonly residency: ResidencyObligation | null;
}

/** Fails where the boundaries leave no backend. */
export function placementOf(
  rules: Pick<Rules, "boundaryDemands" | "deployment">,
  promise: ResidencyPromise,
  asked: Placed,
): Result<Placement> {
  const { boundaryDemands } = rules;
  const placement = { asked, rules, promise, boundaryDemands };
  const residency = obligationOf(placement, boundaryDemands);
  return residency.ok ? ok({ ...placement, residency: residency.value }) : residency;
}

/** What a grant and its token demand beyond promise and boundaries, and whether a backend is left for it. */
export function residencyOf(
  own: readonly ConstraintSet[],
  placement: Placement,
): Result<ResidencyObligation | null> {
  if (own.every(({ demand }) => demand === null)) return ok(placement.residency);
  return obligationOf(placement, [
    ...placement.boundaryDemands,
    ...own.flatMap(({ demand }) => demand ?? []),
  ]);
}

function obligationOf(
  { asked, rules, promise }: Pick<Placement, "asked" | "rules" | "promise">,
  demands: readonly ResidencyDemand[],
): Result<ResidencyObligation | null> {
  const obligation = residencyObligation(promise, demands);
  // The tenant's promise alone was kept at admission.
  if (!obligation.ok || obligation.value === null || demands.length === 0) return obligation;
  const deployment = rules.deployment(asked.deployment);
  // Nobody can say where a model that is not registered here processes.
  if (deployment === undefined) {
    const constraint = demands.some(({ dataResidency }) => dataResidency) ? "dataResidency" : "processing";
    return fail(indeterminate(constraint, "deployment"));
  }
  const left = demandedBackends(deployment, promise, obligation.value, asked.classification);
  return left.ok ? obligation : left;
}
