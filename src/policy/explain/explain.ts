/**
 * Why an ask is allowed or refused: every policy that covers it with all that does not hold, and the fewest changes that
 * would allow it. Made of nothing but questions to `decide`, so it cannot disagree with it. Pure and total.
 */
import type { DecideInput } from "../candidate.ts";
import { decide } from "../decide.ts";
import { outcomeOf } from "../outcome.ts";
import { changesSentence } from "./change-sentence.ts";
import type { Explanation, NearestChange } from "./explanation.ts";
import { nearestChanges } from "./nearest-change.ts";
import { detailViews, failedOf, inForce, isConsidered, tenantFailures, viewOf } from "./views.ts";

/** Policies that are told one by one. */
const MAX_VIEWS = 200;

export function explain(input: DecideInput): Explanation {
  const verdict = decide(input);
  const isAllowed = verdict.kind === "candidates";
  const decision = outcomeOf(verdict);
  const policies = inForce(input);
  const considered = policies.filter((policy) => isConsidered(policy, input));
  const told = considered.slice(0, MAX_VIEWS);
  return {
    decision,
    code:
      decision === "denied" && !isAllowed
        ? verdict.refusal.code
        : decision === "allowed"
          ? decision
          : "pending_approval",
    decidedBy: isAllowed
      ? [...new Set(verdict.candidates.map(({ grantId }) => grantId))]
      : [...verdict.policyIds],
    policies: told.map((policy) => viewOf(policy, input, verdict)),
    more: considered.length - told.length,
    notCovering: policies.length - considered.length,
    token: detailViews(input),
    tenant: tenantFailures(input).map(failedOf),
    approvalFrom:
      isAllowed && decision === "pending_approval"
        ? [...new Set(verdict.candidates.flatMap(({ approvalFrom }) => approvalFrom))]
        : [],
    nearest: nearestOf(input),
  };
}

function nearestOf(input: DecideInput): NearestChange | null {
  const changes = nearestChanges(input);
  return changes === null || changes.length === 0
    ? null
    : { changes: [...changes], sentence: changesSentence(changes) };
}
