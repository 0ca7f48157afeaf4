// The tables of places as data: complete where they must be, and each code once.
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { countryOfColo } from "../../../src/residency/colo-table.ts";
import { countryTable } from "../../../src/residency/country-table.ts";
import { countryOfRegion } from "../../../src/residency/region-table.ts";

const sourceOf = (name: string): string =>
  readFileSync(join(resolve(import.meta.dirname, "../../../src/residency"), name), "utf8");

/** Codes as they stand in the table's strings, so that one that stands there twice is seen. */
const codesIn = (name: string, code: RegExp): string[] =>
  [...sourceOf(name).matchAll(/"([^"\n]+)"/g)]
    .flatMap(([, text = ""]) => text.trim().split(" "))
    .filter((word) => code.test(word));

describe("countries", () => {
  const having = (fact: "eu" | "eea" | "euDataBoundary" | "us") =>
    [...countryTable].filter(([, row]) => row[fact]).map(([country]) => country);

  it("are 27 members of the EU, 30 of the EEA, 31 within the EU Data Boundary, and the US", () => {
    expect(having("eu")).toHaveLength(27);
    expect(having("eea").toSorted()).toEqual([...having("eu"), "IS", "LI", "NO"].toSorted());
    expect(having("euDataBoundary").toSorted()).toEqual([...having("eea"), "CH"].toSorted());
    expect(having("us")).toEqual(["US"]);
  });
});

describe("locations", () => {
  const colos = codesIn("colo-table.ts", /^[A-Z]{3}$/);

  it("stand in the table once each, in a country that it knows", () => {
    expect(colos.length).toBeGreaterThan(95);
    expect(new Set(colos).size).toBe(colos.length);
    for (const colo of colos) expect(countryTable.has(countryOfColo(colo) ?? ""), colo).toBe(true);
  });

  it.each([
    // Those whose names or borders mislead.
    ["GVA", "CH"],
    ["KEF", "IS"],
    ["LCA", "CY"],
    ["CVG", "US"],
    ["SJC", "US"],
    ["MLA", "MT"],
    ["LUX", "LU"],
    // Ottawa, San José in Costa Rica, San Juan, Belgrade, Basel's airport on French soil: not there.
    ["YOW", null],
    ["SJO", null],
    ["SJU", null],
    ["BEG", null],
    ["BSL", null],
    ["", null],
    ["toString", null],
    [null, null],
  ])("%s is in %s", (colo, country) => {
    expect(countryOfColo(colo)).toBe(country);
  });
});

describe("regions", () => {
  const regions = codesIn("region-table.ts", /^[a-z]{4,}\d?$/);

  it("stand in the table once each, in a country that it knows", () => {
    expect(regions.length).toBeGreaterThan(25);
    expect(new Set(regions).size).toBe(regions.length);
    for (const region of regions) expect(countryTable.has(countryOfRegion(region) ?? ""), region).toBe(true);
  });

  it.each([
    "uksouth",
    "ukwest",
    "canadacentral",
    "israelcentral",
    "usgovvirginia",
    "SwedenCentral",
    "atlantis",
    "valueOf",
  ])("%s is in no zone", (region) => {
    expect(countryOfRegion(region)).toBeNull();
  });
});
