/**
 * A tenant's promise and what policies demand beyond it: the stricter of both wins. Policies only ever narrow; a
 * demand that is wider than the promise changes nothing.
 */
import { narrowness, type Processing } from "./processing.ts";
import type { ResidencyPromise } from "./promise.ts";

export interface ResidencyDemand {
  readonly dataResidency?: "eu" | "us" | undefined;
  readonly processing?: Processing | undefined;
}

export interface NarrowedPromise extends ResidencyPromise {
  /**
   * How narrowly policies want it where no zone is promised. `processing` cannot say it: without a zone it is
   * what the tenant's document was filled up with, and binds nobody.
   */
  readonly demandedProcessing?: Processing;
}

/** Null when the zones contradict each other: no place on earth keeps both. */
export function narrowedPromise(
  promise: NarrowedPromise,
  demands: readonly ResidencyDemand[],
): NarrowedPromise | null {
  if (demands.length === 0) return promise;
  let { zone } = promise;
  let processing = boundProcessing(promise);
  for (const demand of demands) {
    const wanted = demand.dataResidency;
    if (wanted !== undefined) {
      if (zone !== "none" && zone !== wanted) return null;
      zone = wanted;
    }
    if (demand.processing !== undefined) processing = narrower(processing, demand.processing);
  }
  if (zone === "none") return { ...promise, demandedProcessing: processing };
  // A zone that only policies ask for is a matter of backends: where the tenant's callers are stays the tenant's word.
  return { ...promise, zone, processing, ingress: promise.zone === "none" ? "anywhere" : promise.ingress };
}

/** How far Azure may spread what falls under this promise. */
export const boundProcessing = ({ zone, processing, demandedProcessing }: NarrowedPromise): Processing =>
  zone === "none" ? (demandedProcessing ?? "global") : processing;

const narrower = (left: Processing, right: Processing): Processing =>
  narrowness[left] <= narrowness[right] ? left : right;
