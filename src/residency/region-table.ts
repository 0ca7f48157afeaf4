/**
 * In which country an Azure region lies; with that, whose data zone it belongs to. Source: Microsoft's list of Azure
 * regions, 2026-05, for the countries a promise can turn on. A region that is not listed is in no zone. Sovereign
 * clouds have endpoints and rules of their own and are left out; so is Britain, which is in neither zone.
 */
const regionsOfCountry = {
  AT: "austriaeast",
  BE: "belgiumcentral",
  CH: "switzerlandnorth switzerlandwest",
  DE: "germanynorth germanywestcentral",
  DK: "denmarkeast",
  ES: "spaincentral",
  FR: "francecentral francesouth",
  IE: "northeurope",
  IT: "italynorth",
  NL: "westeurope",
  NO: "norwayeast norwaywest",
  PL: "polandcentral",
  SE: "swedencentral swedensouth",
  US: "centralus eastus eastus2 northcentralus southcentralus westcentralus westus westus2 westus3",
} as const;

const countries: ReadonlyMap<string, string> = new Map(
  Object.entries(regionsOfCountry).flatMap(([country, regions]) =>
    regions.split(" ").map((region) => [region, country] as const),
  ),
);

export const countryOfRegion = (region: string): string | null => countries.get(region) ?? null;
