/**
 * What the policies refuse before a byte of the body is read (guarantee G4): place, time, roles and classification are
 * known by then, and the deployment where the path names it. It refuses nothing that `decide` would allow, whatever the
 * body turns out to ask for.
 */
import type { Capability } from "../capability/claims.ts";
import { refuse } from "../kernel/refusal.ts";
import type { Place } from "../residency/place.ts";
import type { Asked } from "./boundary.ts";
import type { Classification } from "./classification.ts";
import type { TraceLine } from "./decision.ts";
import { exclusionOf, factsOf, type RefusedVerdict, refusedBy } from "./exclusion.ts";
import { rulesOf } from "./rules.ts";
import { unmetOf } from "./selectors.ts";
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
export function policyAdmission(input: AdmissionInput): RefusedVerdict | null {
  const { capability, asked, place, snapshot } = input;
  const facts = factsOf(capability, place, input, input.nowMs);
  const rules = rulesOf(snapshot);
  const trace: TraceLine[] = [];
  const excluded = exclusionOf(rules, capability, asked, facts, trace);
  if (excluded || asked.action === undefined || asked.resource === undefined) return excluded;

  let nearest: RefusedVerdict | undefined;
  for (const grant of rules.covering(asked.action, asked.resource).grants) {
    const policyId = grant.policy.id;
    const refusal =
      grant.unavailable === undefined
        ? unmetOf(grant.checks, facts)
        : refuse("constraint_not_available", { evidence: { constraint: grant.unavailable } });
    if (refusal === null) return null;
    nearest ??= refusedBy(refusal, [policyId], trace);
    trace.push({ policyId, outcome: "dropped", refusal });
  }
  return nearest ?? refusedBy(refuse("no_matching_grant"), [], trace);
}
