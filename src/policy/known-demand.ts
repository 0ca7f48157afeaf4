/** What some policies and a token ask about the content of one ask: what was looked for, where they were in force. */
import type { Capability } from "../capability/claims.ts";
import { type ConstraintSet, constraintSet } from "./constraint-set.ts";
import { type ContentDemand, contentDemand } from "./content.ts";
import { covers } from "./coverage.ts";
import type { Ask } from "./decision.ts";
import type { Policy } from "./policy.ts";

const prepared = new WeakMap<Policy["constraints"], ConstraintSet>();

function setOf(constraints: Policy["constraints"]): ConstraintSet {
  const known = prepared.get(constraints);
  if (known) return known;
  const set = constraintSet("", constraints);
  prepared.set(constraints, set);
  return set;
}

export const asksForContent = ({ constraints, effect, mode }: Policy): boolean =>
  effect === "allow" && mode === "enforce" && setOf(constraints).contentChecks.length > 0;

/** @param policies those that ask for content, and were in force. */
export function knownDemand(
  policies: readonly Policy[],
  authorization: Capability["authorization"],
  { action, resource }: Pick<Ask, "action" | "resource">,
): ContentDemand | null {
  const asking = policies.filter(
    (policy) => policy.kind === "boundary" || covers(policy.actions, policy.resources, action, resource),
  );
  const details = (authorization ?? []).filter((detail) =>
    covers(detail.actions, detail.locations, action, resource),
  );
  return contentDemand([...asking, ...details].map(({ constraints }) => setOf(constraints)));
}
