/**
 * How far Azure spreads the processing of a backend, from its sku. Azure's URL and headers cannot tell a global
 * deployment from a regional one, so this table is what the residency promise rests on.
 * Source: Microsoft's documentation of deployment types, 2026-05. Batch exists in data zones and globally only, so
 * there is no regional one.
 */
import type { Sku } from "../azure/backend.ts";
import type { Processing } from "./processing.ts";

export const skuSpread = {
  Standard: "region",
  ProvisionedManaged: "region",
  DataZoneStandard: "zone",
  DataZoneProvisionedManaged: "zone",
  DataZoneBatch: "zone",
  GlobalStandard: "global",
  GlobalProvisionedManaged: "global",
  GlobalBatch: "global",
  DeveloperTier: "global",
} as const satisfies Record<Sku, Processing>;
