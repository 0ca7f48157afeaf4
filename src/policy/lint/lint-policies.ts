/**
 * Policies that cannot mean what their author believes. Whatever needs a search is found by the same exact search as a
 * diff, and is not reported where that does not end within its bound: a false alarm is worse than a miss.
 */
import { ownPolicies, type PolicySet } from "../as-code/policy-set.ts";
import type { DiffOptions } from "../diff/policy-diff.ts";
import type { Policy } from "../policy.ts";
import type { LintFinding } from "./lint-finding.ts";
import { plainFindings } from "./plain-findings.ts";
import { groundOf, type Reach, reachOf } from "./reach.ts";

export interface LintReport {
  readonly findings: readonly LintFinding[];
  /** False where some searches did not end: then only what was found is so. */
  readonly complete: boolean;
}

export function lintPolicies(set: PolicySet, options: DiffOptions): LintReport {
  const ground = groundOf(set, options);
  let complete = true;
  const searched = ownPolicies(set)
    .filter(({ mode }) => mode === "enforce")
    .flatMap((policy): readonly LintFinding[] => {
      const reach = reachOf(policy, ground);
      if (reach === "undecided") complete = false;
      return reach === "undecided" ? [] : findingsOf(policy, reach);
    });
  return { findings: [...plainFindings(set), ...searched], complete };
}

/** The gravest only: what cannot be reached is redundant as well. */
function findingsOf({ name }: Policy, reach: Reach): readonly LintFinding[] {
  const told = (code: LintFinding["code"], severity: LintFinding["severity"], sentence: string) => [
    { code, severity, policy: name, sentence },
  ];
  switch (reach.kind) {
    case "unreachable":
      return told("unreachable", "error", unreachable[reach.why]);
    case "shadowed":
      return told(
        "shadowed",
        "warning",
        "Is never charged: wherever it allows, a grant that is tried before it and has no limit allows as well.",
      );
    case "redundant":
      return told("redundant", "note", "No decision would change without it.");
    case "useful":
      return [];
  }
}

const unreachable: Readonly<Record<Extract<Reach, { kind: "unreachable" }>["why"], string>> = {
  itself: "Allows nothing, whatever is asked: what binds it leaves nothing, or has run out.",
  boundary: "Allows nothing: what it covers is outside a boundary.",
  deny: "Allows nothing: denies cover all of it.",
  together: "Allows nothing: denies cover all of it that is inside the boundaries.",
};
