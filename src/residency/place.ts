/**
 * The place of a request: what the platform says about where it came in. Built from `request.cf` and the
 * platform's own connecting address alone; headers such as CF-IPCountry or X-Forwarded-For are a caller's claim.
 * A fact that the platform did not give is null: unknown, never "no".
 */
import * as z from "zod";

export const Place = z.object({
  country: z.string().nullable(),
  continent: z.string().nullable(),
  isEu: z.boolean().nullable(),
  colo: z.string().nullable(),
  tlsVersion: z.string().nullable(),
  clientAddress: z.string().nullable(),
});
export type Place = z.infer<typeof Place>;

export const UNKNOWN_PLACE: Place = {
  country: null,
  continent: null,
  isEu: null,
  colo: null,
  tlsVersion: null,
  clientAddress: null,
};

const countryCode = /^[A-Z]{2}$/;

/** @param cf `request.cf`, unknown because the platform may leave it out. Read by hand: every request passes here. */
export function placeOf(cf: unknown, clientAddress: string | null): Place {
  if (typeof cf !== "object" || cf === null) return { ...UNKNOWN_PLACE, clientAddress };
  const country = textOf(cf, "country");
  // "T1" is Tor and "XX" unknown: neither names a country.
  const known = country !== null && country !== "XX" && countryCode.test(country);
  return {
    country: known ? country : null,
    continent: known ? textOf(cf, "continent") : null,
    // Cloudflare sends "1" for members and leaves the field out otherwise.
    isEu: known ? textOf(cf, "isEUCountry") === "1" : null,
    colo: textOf(cf, "colo"),
    tlsVersion: textOf(cf, "tlsVersion"),
    clientAddress,
  };
}

function textOf(cf: object, name: string): string | null {
  const value: unknown = Reflect.get(cf, name);
  return typeof value === "string" ? value : null;
}

export const placeOfRequest = (request: Request): Place =>
  placeOf(Reflect.get(request, "cf"), request.headers.get("cf-connecting-ip"));
