/** What can be seen of a policy without asking what others say. */
import { PLATFORM } from "../../kernel/ids.ts";
import type { Action } from "../action.ts";
import { ownPolicies, type PolicySet } from "../as-code/policy-set.ts";
import { constraintTable, presentKeys } from "../constraint-table.ts";
import { roleOf } from "../diff/entry.ts";
import type { Policy } from "../policy.ts";
import type { LintFinding } from "./lint-finding.ts";

const reserved: ReadonlySet<Action> = new Set<Action>(["file", "batch", "realtime"]);

export function plainFindings(set: PolicySet): readonly LintFinding[] {
  const own = ownPolicies(set);
  const others = set.scope === PLATFORM ? [] : set.platformPolicies;
  return own.flatMap((policy, index) => [
    ...(own.findIndex(({ name }) => name === policy.name) < index ? [duplicate(policy)] : []),
    ...(roleOf(policy) === "grant" ? findingsOfGrant(policy, others) : []),
  ]);
}

const duplicate = ({ name }: Policy): LintFinding => ({
  code: "duplicate_name",
  severity: "error",
  policy: name,
  sentence: "Another policy has this name, which is how policies are told apart.",
});

function findingsOfGrant(policy: Policy, boundaries: readonly Policy[]): readonly LintFinding[] {
  const { name, actions, resources, constraints } = policy;
  const named = actions.filter((action): action is Action => action !== "*" && reserved.has(action));
  const stars = [
    ...(actions.includes("*") ? ["every action"] : []),
    ...(resources.includes("*") ? ["every resource"] : []),
  ];
  const selects = presentKeys(constraints).some((key) => constraintTable[key] === "selector");
  const isBounded = boundaries.some((other) => roleOf(other) === "boundary");
  return [
    ...(stars.length > 0 && !selects && !isBounded
      ? [
          {
            code: "over_broad" as const,
            severity: "warning" as const,
            policy: name,
            sentence: `Grants ${stars.join(" on ")} to whoever holds a token: no selector, and no boundary, narrows it.`,
          },
        ]
      : []),
    ...(named.length > 0
      ? [
          {
            code: "reserved_action" as const,
            severity: "warning" as const,
            policy: name,
            sentence: `Grants ${named.join(", ")}, which nothing serves yet: it would begin to on the day something does.`,
          },
        ]
      : []),
  ];
}
