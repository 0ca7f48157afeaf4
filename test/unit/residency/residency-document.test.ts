// docs/residency.md is held against the tables that decide: skus, examples and places.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { places } from "../../../dev/local/places.ts";
import { Sku } from "../../../src/azure/backend.ts";
import { eligibleBackends, keepsPromise } from "../../../src/residency/eligible-backends.ts";
import { ingressRefusal } from "../../../src/residency/ingress.ts";
import { placeOf } from "../../../src/residency/place.ts";
import { ResidencyPromise } from "../../../src/residency/promise.ts";
import { skuSpread } from "../../../src/residency/sku-table.ts";
import { backendId, backendOf, deploymentOf } from "../azure/azure-fixture.ts";

const document = readFileSync(resolve(import.meta.dirname, "../../../docs/residency.md"), "utf8");

/** The rows of the table under a heading, each a list of cells. */
function rowsUnder(heading: string): string[][] {
  const section = document.split(/^## /m).find((text) => text.startsWith(heading)) ?? "";
  return section
    .split("\n")
    .filter((line) => line.startsWith("| ") && !line.startsWith("|---"))
    .slice(1)
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

describe("docs/residency.md", () => {
  const rows = rowsUnder("Which backend keeps which promise");

  it("has a row for each sku", () => {
    expect(rows.map(([sku]) => sku)).toEqual(Sku.options.map((sku) => `\`${sku}\``));
  });

  it.each(Sku.options)("says which promises %s keeps", (sku) => {
    const [, where, ...told] = rows.find(([name]) => name === `\`${sku}\``) ?? [];
    const promises = [
      {},
      { zone: "eu", processing: "region" },
      { zone: "eu", processing: "zone" },
      { zone: "eu", euReading: "members" },
    ].map((promise) => ResidencyPromise.parse(promise));
    const kept = promises.map((promise) =>
      keepsPromise({ sku, region: "swedencentral" }, promise) ? "yes" : "no",
    );
    expect(told).toEqual(kept);
    expect(where).toContain(
      { region: "its region", zone: "its data zone", global: "anywhere" }[skuSpread[sku]],
    );
  });

  const a = backendOf({ id: backendId(1), sku: "Standard", region: "swedencentral" });
  const b = backendOf({ id: backendId(2), sku: "DataZoneStandard", region: "germanywestcentral" });
  const deployment = deploymentOf({ backends: [a, b] });
  const callers: Readonly<Record<string, object>> = {
    "from anywhere": {},
    "through Tor": { country: "T1", colo: "FRA" },
    Berlin: { country: "DE", isEUCountry: "1" },
    Oslo: { country: "NO" },
    Virginia: { country: "US" },
  };

  it.each(rowsUnder("Examples"))("%s, %s: %s", (promised = "", call = "", told) => {
    const words = promised.replaceAll("`", "").split(", ");
    const zone = words.find((word) => ["none", "eu", "us"].includes(word));
    const promise = ResidencyPromise.parse({
      zone,
      ...(words.includes("members") ? { euReading: "members" } : {}),
      ...(words.includes("ingress: anywhere") ? { ingress: "anywhere" } : {}),
    });
    const [, city = call, colo] = /^from (\w+), at (\w+)$/.exec(call) ?? [];
    const place = placeOf({ tlsVersion: "TLSv1.3", colo, ...callers[city] }, null);
    const backends = eligibleBackends(deployment, promise, "internal");
    const left = backends.ok
      ? backends.value.map(({ id }) => (id === a.id ? "A" : "B")).join(" or ")
      : `\`${backends.error.code}\``;
    const refusal = ingressRefusal(place, promise);
    expect(callers[city]).toBeDefined();
    expect(told).toBe(refusal ? `\`${refusal.code}\`` : left);
  });

  it("lists every place that npm start knows", () => {
    const named = rowsUnder("Trying it out locally").flatMap(([cell = ""]) =>
      cell.replaceAll("`", "").split(", "),
    );
    expect(named.toSorted()).toEqual(Object.keys(places).toSorted());
  });
});
