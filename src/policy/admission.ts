/**
 * What the policies refuse before a byte of the body is read (guarantee G4): place, time, roles and classification are
 * known by then, and the deployment where the path names it. It refuses nothing that `decide` would allow, whatever the
 * body turns out to ask for.
 */
import type { Capability } from "../capability/claims.ts";
import { type Refusal, refuse } from "../kernel/refusal.ts";
import type { Place } from "../residency/place.ts";
import type { Asked } from "./boundary.ts";
import { refusalOf } from "./candidate.ts";
import type { Classification } from "./classification.ts";
import type { ConstraintSet } from "./constraint-set.ts";
import type { TraceLine } from "./decision.ts";
import { exclusionOf, factsOf, type RefusedVerdict, refusedBy, tokenSets, unplaced } from "./exclusion.ts";
import { type Placement, placementOf, residencyOf } from "./placement.ts";
import { deploymentOfResource } from "./resource.ts";
import { type LiveRules, rulesOf } from "./rules.ts";
import type { Facts } from "./selectors.ts";
import type { Snapshot } from "./snapshot.ts";

export interface AdmissionInput {
  readonly capability: Capability;
  /** What is known of it. */
  readonly asked: Pick<Asked, "action" | "resource">;
  readonly classification: Classification;
  readonly place: Place;
  readonly snapshot: Snapshot;
  readonly nowMs: number;
}

/** Null where the body may be read. */
export const policyAdmission = (input: AdmissionInput): RefusedVerdict | null =>
  admissionUnder(rulesOf(input.snapshot), input, []);

/** @param trace gets a line for each rule that was looked at; null = nobody asks. */
export function admissionUnder(
  rules: LiveRules,
  input: AdmissionInput,
  trace: TraceLine[] | null,
): RefusedVerdict | null {
  const { capability, asked, classification, place, snapshot } = input;
  const { action, resource } = asked;
  const facts = factsOf(capability, place, input, input.nowMs);
  const excluded = exclusionOf(rules, capability, asked, facts, trace);
  if (excluded || action === undefined || resource === undefined) return excluded;

  const asking = { deployment: deploymentOfResource(resource) ?? resource, classification };
  const placement = placementOf(rules, snapshot.tenant.tenant.residency, asking);
  if (!placement.ok) return unplaced(rules, placement.error, trace);
  const tokens = tokenSets(capability, { action, resource });
  let nearest: RefusedVerdict | undefined;
  for (const grant of rules.covering(action, resource).grants) {
    const policyId = grant.policy.id;
    for (const token of tokens) {
      const refusal = bodilessRefusal([grant, ...token], facts, placement.value);
      if (refusal === null) return null;
      nearest ??= refusedBy(refusal, [policyId], trace);
      trace?.push({ policyId, outcome: "dropped", refusal });
    }
  }
  return nearest ?? refusedBy(refuse("no_matching_grant"), [], trace);
}

function bodilessRefusal(own: readonly ConstraintSet[], facts: Facts, placement: Placement): Refusal | null {
  for (const set of own) {
    const refusal = refusalOf(set, facts);
    if (refusal) return refusal;
  }
  const residency = residencyOf(own, placement);
  return residency.ok ? null : residency.error;
}
