// Where Azure may process a call: docs/policies.md ("Where Azure may process") and the tables of docs/residency.md.
import type { Backend } from "../../../../src/azure/backend.ts";
import type { RefusalCode } from "../../../../src/kernel/refusal.ts";
import type { Constraints } from "../../../../src/policy/constraints.ts";
import type { DecideInput } from "../decide-fixture.ts";
import { classifications } from "./pools.ts";

interface Demand {
  readonly dataResidency: "eu" | "us" | null;
  readonly processing: "region" | "zone" | "global";
  readonly euReading: "data_boundary" | "members";
}

const fromNarrow = ["region", "zone", "global"] as const;

/** The strictest of the tenant's promise and all demands; null = nothing is asked. A code where none is left. */
export function residencyOf(
  sets: readonly Constraints[],
  { ask, snapshot }: DecideInput,
): Demand | null | RefusalCode {
  const { residency: promise } = snapshot.tenant.tenant;
  const demanding = sets.filter((one) => one.dataResidency !== undefined || one.processing !== undefined);

  const zones = new Set(demanding.flatMap(({ dataResidency }) => dataResidency ?? []));
  if (promise.zone !== "none") zones.add(promise.zone);
  if (zones.size > 1) return "residency_backend";
  const [zone = null] = zones;

  const spreads: string[] = demanding.flatMap(({ processing }) => processing ?? []);
  if (promise.zone !== "none") spreads.push(promise.processing);
  // What is processed anywhere is in no zone, so a zone alone asks for its spread.
  if (zone !== null) spreads.push("zone");
  const processing = fromNarrow.find((spread) => spreads.includes(spread)) ?? "global";
  if (zone === null && processing === "global") return null;

  const demand: Demand = { dataResidency: zone, processing, euReading: promise.euReading };
  // Where only the tenant promises, admission has asked for backends.
  if (demanding.length === 0) return demand;
  const deployment = snapshot.platform.deployments.find(({ name }) => name === ask.deployment);
  if (deployment === undefined) return "indeterminate";
  const keeping = deployment.backends.filter((backend) => keeps(backend, demand));
  if (keeping.length === 0) return "residency_backend";
  const takes = (ceiling: Backend["classification"]) =>
    classifications.indexOf(ask.classification) <= classifications.indexOf(ceiling);
  if (!takes(deployment.classification) || !keeping.some(({ classification }) => takes(classification)))
    return "backend_classification";
  return demand;
}

/** Of the regions that worlds have. */
const regions: Readonly<Record<string, readonly string[]>> = {
  swedencentral: ["eu data_boundary", "eu members"],
  norwayeast: ["eu data_boundary"],
  eastus: ["us data_boundary", "us members"],
};
const spreads = { Standard: "region", DataZoneStandard: "zone", GlobalStandard: "global" } as const;

function keeps({ region, sku }: Backend, { dataResidency, processing, euReading }: Demand): boolean {
  const spread = sku in spreads ? spreads[sku as keyof typeof spreads] : "global"; // `in` has just said so.
  if (fromNarrow.indexOf(spread) > fromNarrow.indexOf(processing)) return false;
  if (dataResidency === null) return true;
  if (dataResidency === "eu" && euReading === "members" && spread === "zone") return false;
  return regions[region]?.includes(`${dataResidency} ${euReading}`) ?? false;
}
