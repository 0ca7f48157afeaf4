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

const CfFacts = z.object({
  country: z.string().optional().catch(undefined),
  continent: z.string().optional().catch(undefined),
  isEUCountry: z.string().optional().catch(undefined),
  colo: z.string().optional().catch(undefined),
  tlsVersion: z.string().optional().catch(undefined),
});

/** @param cf `request.cf`, unknown because the platform may leave it out. */
export function placeOf(cf: unknown, clientAddress: string | null): Place {
  const parsed = CfFacts.safeParse(cf);
  if (!parsed.success) return { ...UNKNOWN_PLACE, clientAddress };
  const { country, continent, isEUCountry, colo, tlsVersion } = parsed.data;
  // "T1" is Tor and "XX" unknown: neither names a country.
  const known = country !== undefined && /^[A-Z]{2}$/.test(country) && country !== "XX";
  return {
    country: known ? country : null,
    continent: known ? (continent ?? null) : null,
    // Cloudflare sends "1" for members and leaves the field out otherwise.
    isEu: known ? isEUCountry === "1" : null,
    colo: colo ?? null,
    tlsVersion: tlsVersion ?? null,
    clientAddress,
  };
}

export const placeOfRequest = (request: Request): Place =>
  placeOf(Reflect.get(request, "cf"), request.headers.get("cf-connecting-ip"));
