/**
 * In which country an Azure region lies; with that, in which zones it can be. Source: Microsoft's lists of Azure
 * regions, as of 2026-06, for the countries a promise can turn on. A region that is not listed is in no zone.
 * Sovereign clouds have endpoints and rules of their own and are left out; so is Britain, which is in neither zone.
 * Not every region offers every sku: Azure sees to that, and what it does not offer cannot be registered truthfully.
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
