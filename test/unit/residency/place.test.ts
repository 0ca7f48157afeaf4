// Where a request comes from is what the platform says; a fact it did not state is unknown.
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Place, placeOf, placeOfRequest, UNKNOWN_PLACE } from "../../../src/residency/place.ts";

const cf = { country: "DE", continent: "EU", isEUCountry: "1", colo: "FRA", tlsVersion: "TLSv1.3" };
const berlin: Place = {
  country: "DE",
  continent: "EU",
  isEu: true,
  colo: "FRA",
  tlsVersion: "TLSv1.3",
  clientAddress: "192.0.2.1",
};
const nowhere = { country: null, continent: null, isEu: null };

describe("placeOf", () => {
  it("reads request.cf", () => {
    expect(placeOf(cf, "192.0.2.1")).toEqual(berlin);
  });

  it.each<[name: string, facts: unknown, place: Partial<Place>]>([
    ["outside the EU", { ...cf, country: "US", isEUCountry: undefined }, { country: "US", isEu: false }],
    ["Tor", { ...cf, country: "T1" }, nowhere],
    ["a country nobody knows", { ...cf, country: "XX" }, nowhere],
    ["no country", { ...cf, country: undefined }, nowhere],
    ["a country in small letters", { ...cf, country: "de" }, nowhere],
    ["a country in words", { ...cf, country: "Germany" }, nowhere],
    ["a country that is no text", { ...cf, country: 49 }, nowhere],
    ["an EU mark that is no text", { ...cf, isEUCountry: true }, { country: "DE", isEu: false }],
    ["an EU mark of another value", { ...cf, isEUCountry: "true" }, { isEu: false }],
    ["no colo", { ...cf, colo: undefined }, { colo: null }],
    ["no TLS version", { ...cf, tlsVersion: undefined }, { tlsVersion: null }],
    ["a TLS version that is no text", { ...cf, tlsVersion: 1.3 }, { tlsVersion: null }],
  ])("with %s", (_name, facts, place) => {
    expect(placeOf(facts, "192.0.2.1")).toEqual({ ...berlin, ...place });
  });

  it.each([undefined, null, "DE", 5, [], true])("knows nothing but the address when cf is %j", (facts) => {
    expect(placeOf(facts, "192.0.2.1")).toEqual({ ...UNKNOWN_PLACE, clientAddress: "192.0.2.1" });
    expect(placeOf(facts, null)).toEqual(UNKNOWN_PLACE);
  });

  it("is total and takes no fact that cf did not state", () => {
    fc.assert(
      fc.property(fc.anything(), (facts) => {
        const stated = Object(facts);
        const place = placeOf(facts, null);
        for (const name of ["country", "continent", "colo", "tlsVersion"] as const) {
          if (place[name] !== null) expect(place[name]).toBe(stated[name]);
        }
        if (place.isEu) expect(stated.isEUCountry).toBe("1");
      }),
    );
  });
});

/** What proxies and callers write, and what wrangler takes a place from on a developer's machine. */
const claims = [
  "cf-ipcountry",
  "cf-ipcontinent",
  "cf-ray",
  "cf-region-code",
  "forwarded",
  "mf-cf-blob",
  "true-client-ip",
  "x-forwarded-for",
  "x-real-ip",
];

describe("headers that claim a place", () => {
  it("change nothing about it", () => {
    const request = new Request("https://gateway.test/", { headers: { "cf-connecting-ip": "192.0.2.1" } });
    for (const name of claims) request.headers.set(name, name === "mf-cf-blob" ? JSON.stringify(cf) : "DE");
    expect(placeOfRequest(request)).toEqual({ ...UNKNOWN_PLACE, clientAddress: "192.0.2.1" });
  });

  it("and the local setting are named nowhere in the Worker's source, whatever runs it", () => {
    const source = resolve(import.meta.dirname, "../../../src");
    const reads = new RegExp(`["'\`](?:${claims.join("|")}|PORTCULLIS_PLACE)["'\`]`, "i");
    const readers = readdirSync(source, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts"))
      .filter((name) => reads.test(readFileSync(join(source, name), "utf8")));
    expect(readers).toEqual([]);
  });
});
