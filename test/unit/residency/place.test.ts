// Where a request comes from is what the platform says, and unknown is never inside.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isEuColo } from "../../../src/residency/colo-table.ts";
import { ingressRefusal } from "../../../src/residency/ingress.ts";
import { type Place, placeOf, UNKNOWN_PLACE } from "../../../src/residency/place.ts";
import { ResidencyPromise } from "../../../src/residency/promise.ts";

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

describe("ingress", () => {
  const euPromise = ResidencyPromise.parse({ zone: "eu" });
  const at = (changes: Partial<Place>, promise = euPromise) =>
    ingressRefusal({ ...berlin, ...changes }, promise)?.code ?? "welcome";

  it.each<[name: string, changes: Partial<Place>, outcome: string]>([
    ["inside", {}, "welcome"],
    ["in another member, at another member's colo", { country: "IE", colo: "AMS" }, "welcome"],
    ["outside the EU", { country: "US", isEu: false }, "residency_ingress"],
    ["over Tor", placeOf({ ...cf, country: "T1" }, null), "residency_ingress"],
    ["in an unknown country", placeOf({ ...cf, country: "XX" }, null), "residency_ingress"],
    ["without cf", placeOf(undefined, "192.0.2.1"), "residency_ingress"],
    [
      "with a European continent that is not the EU",
      { country: "GB", continent: "EU", isEu: false },
      "residency_ingress",
    ],
    ["processed in London", { colo: "LHR" }, "residency_colo"],
    ["processed in Zurich", { colo: "ZRH" }, "residency_colo"],
    ["processed in Ashburn", { colo: "IAD" }, "residency_colo"],
    ["processed nobody knows where", { colo: null }, "residency_colo"],
    ["processed at a colo that no table lists", { colo: "QQQ" }, "residency_colo"],
    ["processed at a colo named like a property", { colo: "constructor" }, "residency_colo"],
    ["processed at a colo in small letters", { colo: "fra" }, "residency_colo"],
  ])("of a request %s: %s", (_name, changes, outcome) => {
    expect(at(changes)).toBe(outcome);
  });

  it("is free where nothing is promised, or the tenant allows it", () => {
    expect(at(UNKNOWN_PLACE, ResidencyPromise.parse({}))).toBe("welcome");
    expect(at(UNKNOWN_PLACE, ResidencyPromise.parse({ zone: "eu", ingress: "anywhere" }))).toBe("welcome");
  });

  it("of the US asks for the country, and no colo is known to be inside yet", () => {
    const us = ResidencyPromise.parse({ zone: "us" });
    expect(at({}, us)).toBe("residency_ingress");
    expect(at({ country: "US", isEu: false, colo: "IAD" }, us)).toBe("residency_colo");
    expect(at({ country: "US", isEu: false, colo: "FRA" }, us)).toBe("residency_colo");
  });

  it("says what was compared", () => {
    expect(ingressRefusal({ ...berlin, ...nowhere }, euPromise)?.evidence).toEqual({
      zone: "eu",
      country: "unknown",
    });
  });
});

describe("the colo table", () => {
  it("holds only members of the EU", () => {
    for (const colo of ["FRA", "CDG", "DUB", "WAW"]) expect(isEuColo(colo)).toBe(true);
    for (const colo of ["LHR", "MAN", "ZRH", "GVA", "OSL", "KEF", "BEG", "IST", "KBP", "IAD", "SIN", ""]) {
      expect(isEuColo(colo)).toBe(false);
    }
  });
});
