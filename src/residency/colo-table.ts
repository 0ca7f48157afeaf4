/**
 * Cloudflare locations inside the European Union, by the IATA code of their airport, with their country. Read off
 * IATA's airport codes, 2026-11; a location that is not listed counts as outside. Only what is needed to tell
 * "inside the EU" from everything else.
 */
const euColos: Readonly<Record<string, string>> = {
  AMS: "NL",
  ARN: "SE",
  ATH: "GR",
  BCN: "ES",
  BER: "DE",
  BOD: "FR",
  BRU: "BE",
  BTS: "SK",
  BUD: "HU",
  CDG: "FR",
  CPH: "DK",
  DUB: "IE",
  DUS: "DE",
  FCO: "IT",
  FRA: "DE",
  GOT: "SE",
  HAM: "DE",
  HEL: "FI",
  LCA: "CY",
  LIS: "PT",
  LUX: "LU",
  LYS: "FR",
  MAD: "ES",
  MRS: "FR",
  MUC: "DE",
  MXP: "IT",
  ORK: "IE",
  OTP: "RO",
  PMO: "IT",
  PRG: "CZ",
  RIX: "LV",
  SKG: "GR",
  SOF: "BG",
  STR: "DE",
  TLL: "EE",
  VIE: "AT",
  VNO: "LT",
  WAW: "PL",
  ZAG: "HR",
};

export const isEuColo = (colo: string): boolean => Object.hasOwn(euColos, colo);
