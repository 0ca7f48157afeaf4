/**
 * Which backends keep a tenant's residency promise and may receive data of a classification. None left = refused.
 * Asked at admission and again for every attempt, at the last moment before data leaves.
 */
import type { Backend } from "../azure/backend.ts";
import type { Deployment } from "../azure/deployment.ts";
import { refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { type Classification, withinCeiling } from "../policy/classification.ts";
import {
  boundProcessing,
  type NarrowedPromise,
  narrowedPromise,
  type ResidencyDemand,
} from "./narrowed-promise.ts";
import { narrowness } from "./processing.ts";
import type { ResidencyPromise } from "./promise.ts";
import { countryOfRegion } from "./region-table.ts";
import { skuSpread } from "./sku-table.ts";
import { isInside } from "./zone.ts";

export function keepsPromise(backend: Pick<Backend, "sku" | "region">, promise: NarrowedPromise): boolean {
  const spread = skuSpread[backend.sku];
  if (narrowness[spread] > narrowness[boundProcessing(promise)]) return false;
  if (promise.zone === "none") return true;
  // A promise of a zone is never kept by processing anywhere, whatever level the tenant would accept.
  if (spread === "global") return false;
  // Microsoft's EU zone spreads to Norway and Switzerland: for members only, a single member region qualifies.
  if (spread === "zone" && promise.zone === "eu" && promise.euReading === "members") return false;
  return isInside(countryOfRegion(backend.region), promise);
}

/** @param demands what the policies that apply ask for beyond the tenant's own promise. */
export function eligibleBackends(
  deployment: Deployment,
  promise: ResidencyPromise,
  classification: Classification,
  demands: readonly ResidencyDemand[] = [],
): Result<readonly [Backend, ...Backend[]]> {
  const narrowed = narrowedPromise(promise, demands);
  const keeping = narrowed === null ? [] : deployment.backends.filter((one) => keepsPromise(one, narrowed));
  if (keeping.length === 0) return fail(residencyRefusal(deployment, promise, narrowed));
  const [first, ...rest] = keeping.filter((backend) => withinCeiling(classification, backend.classification));
  if (!first || !withinCeiling(classification, deployment.classification)) {
    return fail(
      refuse("backend_classification", { evidence: { deployment: deployment.name, classification } }),
    );
  }
  return ok([first, ...rest]);
}

const residencyRefusal = (
  { name }: Deployment,
  { zone, euReading }: ResidencyPromise,
  narrowed: NarrowedPromise | null,
) =>
  refuse("residency_backend", {
    evidence: {
      deployment: name,
      ...(narrowed === null
        ? {
            zone,
            contradiction: "A policy demands another zone than the tenant promises, or two policies do.",
          }
        : { zone: narrowed.zone, processing: boundProcessing(narrowed) }),
      ...((narrowed?.zone ?? zone) === "eu" ? { euReading } : {}),
    },
  });
