/**
 * Whether one authorization detail stands inside another: actions, resources and every constraint. The one place that says
 * so; a token is exchanged for no child whose details do not.
 */
import type { ActionPattern } from "../policy/action.ts";
import { constraintExcess, type Excess } from "../policy/constraint-subsumption.ts";
import { containsPattern } from "../policy/resource.ts";
import type { AuthorizationDetail } from "./claims.ts";

export interface DetailExcess {
  /** In the inner detail. */
  readonly field: string;
  readonly why: Excess["why"];
}

/** The first thing in which the inner detail is not inside the outer one, or null. */
export function detailExcess(inner: AuthorizationDetail, outer: AuthorizationDetail): DetailExcess | null {
  const action = inner.actions.findIndex((one) => !containsAction(outer.actions, one));
  if (action !== -1) return { field: `actions[${action}]`, why: "wider" };
  const location = inner.locations.findIndex(
    (one) => !outer.locations.some((pattern) => containsPattern(pattern, one)),
  );
  if (location !== -1) return { field: `locations[${location}]`, why: "wider" };
  const excess = constraintExcess(inner.constraints, outer.constraints);
  return excess && { field: `constraints.${excess.constraint}`, why: excess.why };
}

const containsAction = (patterns: readonly ActionPattern[], action: ActionPattern): boolean =>
  patterns.includes("*") || patterns.includes(action);
