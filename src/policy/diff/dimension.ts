/**
 * One way in which requests differ: the values that stand for all others, and which policies each of them leaves
 * standing. Every condition of a policy looks at one dimension alone, so a policy holds where it holds in all of them.
 */
import { promisedTools } from "../../azure/tool-table.ts";
import { allowsTool } from "../allowed-tools.ts";
import { type ConstraintSet, constraintSet } from "../constraint-set.ts";
import type { ConstraintKey, Constraints } from "../constraints.ts";
import { unmetOf } from "../selectors.ts";
import { boundTokens } from "../token-bounds.ts";
import type { Entry, TokenContext } from "./entry.ts";
import type { Point } from "./point.ts";

/** A value of one dimension. */
export type Patch = Partial<Point>;

export interface Dimension {
  readonly name: string;
  /** That a diff looks at whatever is required; the plainest first. */
  readonly patches: readonly Patch[];
  /** More of them, where the values are sets: the best for what must hold. */
  readonly patchesFor?: (required: readonly Entry[]) => readonly Patch[];
  /** Whether the entry can still hold at this point: of a deny, whether it does not certainly fail. */
  holds(entry: Entry, point: Point): boolean;
}

const compiled = new WeakMap<Constraints, Map<string, ConstraintSet>>();

/** These constraints of the policy alone, made ready once. */
function partOf(constraints: Constraints, keys: readonly ConstraintKey[]): ConstraintSet {
  const name = keys.join();
  const known = compiled.get(constraints) ?? new Map<string, ConstraintSet>();
  compiled.set(constraints, known);
  let part = known.get(name);
  if (part === undefined) {
    part = constraintSet("diff", Object.fromEntries(keys.map((key) => [key, constraints[key]])));
    known.set(name, part);
  }
  return part;
}

/** What is known before the body. A deny whose facts are unknown denies. */
export function selectorHolds(keys: readonly ConstraintKey[]): (entry: Entry, point: Point) => boolean {
  return ({ role, policy }, point) => {
    const unmet = unmetOf(partOf(policy.constraints, keys).checks, point);
    return unmet === null || (role === "deny" && unmet.code === "indeterminate");
  };
}

/** A deny looks at no content. */
export function contentHolds(keys: readonly ConstraintKey[]): (entry: Entry, point: Point) => boolean {
  return ({ role, policy }, point) =>
    role === "deny" || unmetOf(partOf(policy.constraints, keys).contentChecks, point) === null;
}

export const toolsHold = ({ role, policy, joint }: Entry, { tools }: Point): boolean => {
  const allowed = role === "deny" ? undefined : policy.constraints.allowedTools;
  return tools.every(
    (tool) =>
      (allowed === undefined || allowsTool(allowed, tool)) &&
      (!isPromised(joint) || allowsTool(promisedTools, tool)),
  );
};

const isPromised = (joint: Entry["joint"]): boolean => joint !== null && joint.obligation !== null;

/** Under a residency obligation nothing is stored, whatever a grant permits. */
export const storeHolds = ({ policy, joint }: Entry, { stores }: Point): boolean =>
  !(stores && policy.constraints.allowStore === true && isPromised(joint));

export const tokensHold =
  ({ price, units, deploymentName: deployment, outputIsFixed }: TokenContext) =>
  ({ joint }: Entry, { promptTokens, outputTokens }: Point): boolean =>
    joint === null ||
    boundTokens(
      {
        promptTokens,
        outputTokens,
        outputIsFixed,
        choices: 1,
        price,
        ...(units && { units }),
        deployment,
      },
      joint.limits,
    ).ok;
