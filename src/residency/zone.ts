/** Whether a country lies inside the zone of a promise, under the tenant's reading of "EU". Unknown is outside. */
import { type CountryRow, countryTable } from "./country-table.ts";
import type { Place } from "./place.ts";
import type { ResidencyPromise } from "./promise.ts";

export type Zone = Pick<ResidencyPromise, "zone" | "euReading">;

const inside = {
  none: () => true,
  us: (row: CountryRow) => row.us,
  eu: (row: CountryRow, { euReading }: Zone) => (euReading === "members" ? row.eu : row.euDataBoundary),
} as const satisfies Record<Zone["zone"], (row: CountryRow, zone: Zone) => boolean>;

export function isInside(country: string | null, zone: Zone): boolean {
  if (country === null) return false;
  const row = countryTable.get(country);
  return row !== undefined && inside[zone.zone](row, zone);
}

/**
 * Of the caller the platform says itself whether the country is in the EU. That mark also covers parts of members with
 * codes of their own (AX, GF, GP, MF, MQ, RE, YT; Cloudflare's list for `is_in_european_union`, 2026-11). Where it
 * contradicts the table, nothing is known for certain and nobody is inside.
 */
export function callerInside({ country, isEu }: Place, zone: Zone): boolean {
  if (country === null) return false;
  if (zone.zone !== "eu") return isInside(country, zone);
  const row = countryTable.get(country);
  return row === undefined || row.eu ? isEu === true : isInside(country, zone);
}
