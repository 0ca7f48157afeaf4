/**
 * The ways in which one set comes to an outcome in a cell, each as what must hold for it and what must not. Whatever is
 * asked, one of them applies, so to try all pairs of them is to try all requests.
 */
import type { Outcome } from "../outcome.ts";
import type { Side } from "./cells.ts";
import type { Entry } from "./entry.ts";
import type { Wanted } from "./search.ts";

export interface Certificate extends Wanted {
  readonly outcome: Outcome;
  readonly kind: "granted" | "denied" | "outside" | "no_grant";
  /** The policy it is about; null where it is about all of them. */
  readonly entry: Entry | null;
}

export function certificatesOf({ grants, denies, boundaries }: Side): readonly Certificate[] {
  const free = grants.filter(({ joint }) => joint?.needsApproval !== true);
  const granted = grants.map((entry): Certificate => {
    const waits = entry.joint?.needsApproval === true;
    return {
      outcome: waits ? "pending_approval" : "allowed",
      kind: "granted",
      entry,
      holding: [entry, ...boundaries],
      // One that needs no approval would be charged instead.
      fallen: waits ? [...denies, ...free] : denies,
    };
  });
  return [
    ...granted,
    ...denies.map(
      (entry): Certificate => ({ outcome: "denied", kind: "denied", entry, holding: [entry], fallen: [] }),
    ),
    ...boundaries.map(
      (entry): Certificate => ({ outcome: "denied", kind: "outside", entry, holding: [], fallen: [entry] }),
    ),
    { outcome: "denied", kind: "no_grant", entry: null, holding: [], fallen: grants },
  ];
}
