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
import { narrowedPromise, type ResidencyDemand } from "./narrowed-promise.ts";
import { ResidencyPromise } from "./promise.ts";
import { skuSpread } from "./sku-table.ts";

const { processing, euReading } = ResidencyPromise.shape;

export const ResidencyObligation = z
  .strictObject({
    /** Null = any zone: only how far Azure may spread processing is bounded. */
    dataResidency: z.enum(["eu", "us"]).nullable(),
    processing: processing.unwrap(),
    euReading: euReading.unwrap(),
  })
  .meta({ id: "ResidencyObligation" });
export type ResidencyObligation = z.infer<typeof ResidencyObligation>;

type Spread = ResidencyPromise["processing"];
const rank: Readonly<Record<Spread, number>> = { region: 0, zone: 1, global: 2 };
const strictest = (levels: readonly Spread[]): Spread =>
  levels.reduce((least, level) => (rank[level] < rank[least] ? level : least), "global");

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
  const { zone } = narrowed;
  // A promise of no zone says nothing about processing; a demand does, in whatever zone.
  const promised = zone === "none" ? [] : [narrowed.processing];
  const level = strictest([...promised, ...demands.map((demand) => demand.processing ?? "global")]);
  if (zone === "none" && level === "global") return ok(null);
  return ok({
    dataResidency: zone === "none" ? null : zone,
    processing: level,
    euReading: narrowed.euReading,
  });
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
  const narrowed = narrowedPromise(promise, [{ dataResidency: dataResidency ?? undefined, processing }]);
  const eligible = narrowed && eligibleBackends(deployment, narrowed, classification);
  if (eligible && !eligible.ok) return eligible;
  const [first, ...rest] = (eligible?.value ?? []).filter(
    ({ sku }) => rank[skuSpread[sku]] <= rank[processing],
  );
  if (first) return ok([first, ...rest]);
  const { name } = deployment;
  return fail(
    refuse("residency_backend", {
      evidence: { deployment: name, zone: dataResidency ?? "none", processing },
    }),
  );
}
