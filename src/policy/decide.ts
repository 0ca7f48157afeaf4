/**
 * The decision core: token ∩ boundaries ∩ (∪ grants) − (∪ denies), pure and total. Default deny; any matching deny
 * wins; an ask must be inside every boundary; evaluation trouble denies. Grants are alternatives in order (priority,
 * then age): each that would allow becomes a candidate, and the ledger charges the first whose limits have room. Adding
 * a grant never turns an allowed ask into a refusal; adding a boundary never turns a refusal into an allowance.
 */
import { refuse } from "../kernel/refusal.ts";
import { candidateOf, circumstancesOf, type DecideInput } from "./candidate.ts";
import type { Candidate, TraceLine, Verdict } from "./decision.ts";
import { exclusionOf, factsOf, type RefusedVerdict, refusedBy, tokenSets, unplaced } from "./exclusion.ts";
import { placementOf } from "./placement.ts";
import { rulesOf } from "./rules.ts";

export interface DecideOptions {
  /** Whether the verdict tells how it came about. Where nobody asks, its trace is empty. */
  readonly trace?: boolean;
}

export function decide(
  { capability, ask, place, snapshot, nowMs }: DecideInput,
  { trace: isTraced = true }: DecideOptions = {},
): Verdict {
  const facts = factsOf(capability, place, ask, nowMs);
  const rules = rulesOf(snapshot);
  const trace: TraceLine[] | null = isTraced ? [] : null;

  const excluded = exclusionOf(rules, capability, ask, facts, trace);
  if (excluded) return excluded;

  const placement = placementOf(rules, snapshot.tenant.tenant.residency, ask);
  if (!placement.ok) return unplaced(rules, placement.error, trace);

  const circumstances = circumstancesOf({ capability, ask }, facts, placement.value, rules);
  const tokens = tokenSets(capability, ask);
  const candidates: Candidate[] = [];
  let nearest: RefusedVerdict | undefined;
  for (const grant of rules.covering(ask.action, ask.resource).grants) {
    const policyId = grant.policy.id;
    for (const token of tokens) {
      const candidate = candidateOf(rules.termsOf(grant, token), circumstances);
      if (candidate.ok) {
        candidates.push(candidate.value);
        trace?.push({ policyId, outcome: "allows" });
      } else {
        nearest ??= refusedBy(candidate.error, [policyId], trace);
        trace?.push({ policyId, outcome: "dropped", refusal: candidate.error });
      }
    }
  }

  const [first, ...rest] = candidates;
  if (first) return { kind: "candidates", candidates: [first, ...rest], trace: trace ?? [] };
  return nearest ?? refusedBy(refuse("no_matching_grant"), [], trace);
}
