/**
 * In which country a Cloudflare location stands, by the IATA code that `request.cf.colo` carries: the countries of
 * country-table.ts, nothing else. A location that is not listed counts as outside every zone, so a new one refuses
 * until it is added here.
 * Source: Cloudflare's lists at cloudflarestatus.com and speed.cloudflare.com/locations, as kept in
 * github.com/Netrvin/cloudflare-colo-list at 1917c9e (2026-08-07); EDI, MFE, MGM and ORK from the list of 2024-09-25,
 * BER as the present code of the airport that TXL names.
 */
const colosOfCountry = {
  AT: "VIE",
  BE: "BRU",
  BG: "SOF",
  CH: "GVA ZRH",
  CY: "LCA",
  CZ: "PRG",
  DE: "BER DUS FRA HAM MUC STR TXL",
  DK: "CPH",
  EE: "TLL",
  ES: "BCN MAD",
  FI: "HEL",
  FR: "BOD CDG LYS MRS",
  GB: "EDI LHR MAN",
  GR: "ATH SKG",
  HR: "ZAG",
  HU: "BUD",
  IE: "DUB ORK",
  IS: "KEF",
  IT: "FCO MXP PMO",
  LT: "VNO",
  LU: "LUX",
  LV: "RIX",
  MT: "MLA",
  NL: "AMS",
  NO: "OSL",
  PL: "WAW WRO",
  PT: "LIS",
  RO: "OTP",
  SE: "ARN GOT",
  SI: "LJU",
  SK: "BTS",
  US:
    "ABQ ANC ATL AUS BGR BNA BOS BUF CLE CLT CMH CVG DEN DFW DTW EWR FSD HNL IAD IAH IND JAX LAS LAX MCI MEM MFE MGM " +
    "MIA MSP OKC OMA ORD ORF PDX PHL PHX PIT RDU RIC SAN SAT SEA SFO SJC SLC SMF STL TLH TPA",
} as const;

const countries: ReadonlyMap<string, string> = new Map(
  Object.entries(colosOfCountry).flatMap(([country, colos]) =>
    colos.split(" ").map((colo) => [colo, country] as const),
  ),
);

/** Null for a location that is unknown or stands in a country no promise turns on. */
export const countryOfColo = (colo: string | null): string | null =>
  colo === null ? null : (countries.get(colo) ?? null);
