/**
 * Where Azure may process one call: the tenant's promise together with what the grant, the boundaries and the token
 * demand. Decided once, as an obligation, and judged again by the relay at the last moment before data leaves.
 */
import * as z from "zod";
import type { Backend } from "../azure/backend.ts";
import type { Deployment } from "../azure/deployment.ts";
import { refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import type { Classification } from "../policy/classification.ts";
import { eligibleBackends } from "./eligible-backends.ts";
import { boundProcessing, narrowedPromise, type ResidencyDemand } from "./narrowed-promise.ts";
import { Processing } from "./processing.ts";
import { ResidencyPromise } from "./promise.ts";

export const ResidencyObligation = z
  .strictObject({
    /** Null = any zone: only how far Azure may spread processing is bounded. */
    dataResidency: z.enum(["eu", "us"]).nullable(),
    processing: Processing,
    euReading: ResidencyPromise.shape.euReading.unwrap(),
  })
  .meta({ id: "ResidencyObligation" });
export type ResidencyObligation = z.infer<typeof ResidencyObligation>;

/** Null = nothing is promised or demanded. Fails where the zones contradict: no backend is in both. */
export function residencyObligation(
  promise: ResidencyPromise,
  demands: readonly ResidencyDemand[],
): Result<ResidencyObligation | null> {
  const narrowed = narrowedPromise(promise, demands);
  if (narrowed === null) {
    const zones = [promise.zone, ...demands.map(({ dataResidency }) => dataResidency ?? "none")];
    const limit = [...new Set(zones.filter((zone) => zone !== "none"))];
    return fail(refuse("residency_backend", { evidence: { constraint: "dataResidency", limit } }));
  }
  const { zone, euReading } = narrowed;
  const processing = boundProcessing(narrowed);
  if (zone !== "none") {
    // Processing anywhere keeps no zone, so `global` would allow whoever reads it what no backend may do.
    return ok({
      dataResidency: zone,
      processing: processing === "global" ? "zone" : processing,
      euReading,
    });
  }
  return ok(processing === "global" ? null : { dataResidency: null, processing, euReading });
}

/** The backends that are left. None left = refused. */
export function demandedBackends(
  deployment: Deployment,
  promise: ResidencyPromise,
  obligation: ResidencyObligation | null,
  classification: Classification,
): Result<readonly [Backend, ...Backend[]]> {
  if (obligation === null) return eligibleBackends(deployment, promise, classification);
  const { dataResidency, processing } = obligation;
  const demand = { dataResidency: dataResidency ?? undefined, processing };
  return eligibleBackends(deployment, promise, classification, [demand]);
}
