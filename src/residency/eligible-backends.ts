/** Which backends keep a tenant's residency promise and may receive data of a classification. None left = refused. */
import type { Backend } from "../azure/backend.ts";
import type { Deployment } from "../azure/deployment.ts";
import { refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { type Classification, withinCeiling } from "../policy/classification.ts";
import type { ResidencyPromise } from "./promise.ts";
import { regionTable, skuSpread } from "./sku-table.ts";

const narrowness = { region: 0, zone: 1, global: 2 } as const;

export function keepsPromise(backend: Pick<Backend, "sku" | "region">, promise: ResidencyPromise): boolean {
  if (promise.zone === "none") return true;
  const spread = skuSpread[backend.sku];
  // A promise of a zone is never kept by processing anywhere, whatever level the tenant would accept.
  if (spread === "global" || narrowness[spread] > narrowness[promise.processing]) return false;
  const region = Object.hasOwn(regionTable, backend.region) ? regionTable[backend.region] : undefined;
  if (region?.zone !== promise.zone) return false;
  // Microsoft's EU zone spreads to Norway and Switzerland: for members only, a single member region qualifies.
  if (promise.zone === "eu" && promise.euReading === "members") return region.euMember && spread === "region";
  return true;
}

export function eligibleBackends(
  deployment: Deployment,
  promise: ResidencyPromise,
  classification: Classification,
): Result<readonly [Backend, ...Backend[]]> {
  const inZone = deployment.backends.filter((backend) => keepsPromise(backend, promise));
  if (inZone.length === 0) {
    return fail(
      refuse("residency_backend", {
        evidence: { deployment: deployment.name, zone: promise.zone, processing: promise.processing },
      }),
    );
  }
  const [first, ...rest] = inZone.filter((backend) => withinCeiling(classification, backend.classification));
  if (!first || !withinCeiling(classification, deployment.classification)) {
    return fail(
      refuse("backend_classification", { evidence: { deployment: deployment.name, classification } }),
    );
  }
  return ok([first, ...rest]);
}
