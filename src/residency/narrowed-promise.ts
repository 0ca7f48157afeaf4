/** A tenant's residency promise, narrowed by what grants, boundaries and tokens demand. The stricter always wins. */
import type { ResidencyPromise } from "./promise.ts";

export interface ResidencyDemand {
  readonly dataResidency?: "eu" | "us" | undefined;
  readonly processing?: "region" | "zone" | "global" | undefined;
}

const strictness = ["region", "zone", "global"] as const;

/** Null where two zones are demanded: nothing is in both. */
export function narrowedPromise(
  promise: ResidencyPromise,
  demands: readonly ResidencyDemand[],
): ResidencyPromise | null {
  let { zone, processing } = promise;
  for (const { dataResidency, processing: demanded } of demands) {
    if (dataResidency !== undefined) {
      if (zone !== "none" && zone !== dataResidency) return null;
      zone = dataResidency;
    }
    if (demanded !== undefined && strictness.indexOf(demanded) < strictness.indexOf(processing))
      processing = demanded;
  }
  return { ...promise, zone, processing };
}
