/**
 * Where Azure processes, from a backend's sku and region. Azure's URL and headers cannot tell a global deployment
 * from a regional one, so this table is what the residency promise rests on. Regions: Azure documentation of 2026-05
 * (Data Zone Standard availability).
 */
import type { Sku } from "../azure/backend.ts";

type Spread = "region" | "zone" | "global";

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
} as const satisfies Record<Sku, Spread>;

interface RegionRow {
  /** Whose data zone the region belongs to. */
  readonly zone: "eu" | "us";
  /** A member state of the European Union; Norway and Switzerland are in the Data Boundary but are not members. */
  readonly euMember: boolean;
}

const eu = { zone: "eu", euMember: true } as const;
const efta = { zone: "eu", euMember: false } as const;
const us = { zone: "us", euMember: false } as const;

/** A region that is not listed is in no zone. */
export const regionTable: Readonly<Record<string, RegionRow>> = {
  francecentral: eu,
  germanywestcentral: eu,
  italynorth: eu,
  northeurope: eu,
  polandcentral: eu,
  spaincentral: eu,
  swedencentral: eu,
  westeurope: eu,
  norwayeast: efta,
  switzerlandnorth: efta,
  switzerlandwest: efta,
  centralus: us,
  eastus: us,
  eastus2: us,
  northcentralus: us,
  southcentralus: us,
  westus: us,
  westus2: us,
  westus3: us,
};
