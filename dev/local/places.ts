/**
 * Places that a local gateway can pretend to be called from: what Cloudflare would say in `request.cf`. wrangler hands
 * it to the Worker; the Worker itself has no such setting, so there is nothing that could be switched on when deployed.
 */
import { writeFile } from "node:fs/promises";
import { PlainFailure } from "./plain-failure.ts";

export interface CloudflarePlace {
  /** "T1" is Tor, "XX" unknown. */
  readonly country: string;
  readonly continent?: string;
  readonly isEUCountry?: "1";
  readonly colo?: string;
  readonly tlsVersion: "TLSv1.3";
}

const at = (country: string, colo: string, more: Partial<CloudflarePlace> = {}): CloudflarePlace => ({
  country,
  colo,
  tlsVersion: "TLSv1.3",
  ...more,
});
const member = { continent: "EU", isEUCountry: "1" } as const;

export const places = {
  frankfurt: at("DE", "FRA", member),
  dublin: at("IE", "DUB", member),
  oslo: at("NO", "OSL", { continent: "EU" }),
  zurich: at("CH", "ZRH", { continent: "EU" }),
  london: at("GB", "LHR", { continent: "EU" }),
  virginia: at("US", "IAD", { continent: "NA" }),
  singapore: at("SG", "SIN", { continent: "AS" }),
  /** A caller inside the EU whose request is processed outside. */
  "frankfurt-via-london": at("DE", "LHR", member),
  tor: at("T1", "FRA"),
  unknown: { country: "XX", tlsVersion: "TLSv1.3" },
} as const satisfies Record<string, CloudflarePlace>;

export type PlaceName = keyof typeof places;

export const DEFAULT_PLACE: PlaceName = "frankfurt";

export function placeNamed(name: string): PlaceName {
  const known = Object.keys(places).find((one): one is PlaceName => one === name);
  if (known !== undefined) return known;
  throw new PlainFailure(
    `PORTCULLIS_PLACE must be one of ${Object.keys(places).join(", ")}; it is \`${name}\`.`,
  );
}

/** Written anew at each start: wrangler takes no file that is older than a month. */
export const writePlace = (path: string, name: PlaceName): Promise<void> =>
  writeFile(path, JSON.stringify(places[name]));

export function described(name: PlaceName): string {
  const { country, colo }: CloudflarePlace = places[name];
  const where = country === "T1" || country === "XX" ? "country unknown" : country;
  return `${name} (${where}, ${colo === undefined ? "location unknown" : `at ${colo}`})`;
}
