// Which backend keeps which promise: every sku against every promise, held against DESIGN section 8.
import { describe, expect, it } from "vitest";
import { Sku } from "../../../src/azure/backend.ts";
import { eligibleBackends, keepsPromise } from "../../../src/residency/eligible-backends.ts";
import { ResidencyPromise } from "../../../src/residency/promise.ts";
import { backendId, backendOf, deploymentOf } from "../azure/azure-fixture.ts";

const regional: readonly Sku[] = ["Standard", "ProvisionedManaged"];
const zonal: readonly Sku[] = ["DataZoneStandard", "DataZoneProvisionedManaged", "DataZoneBatch"];
const worldwide: readonly Sku[] = [
  "GlobalStandard",
  "GlobalProvisionedManaged",
  "GlobalBatch",
  "DeveloperTier",
];

const promiseOf = (changes: Partial<ResidencyPromise>): ResidencyPromise => ResidencyPromise.parse(changes);
const keeping = (region: string, promise: Partial<ResidencyPromise>): readonly Sku[] =>
  Sku.options.filter((sku) => keepsPromise({ sku, region }, promiseOf(promise)));

describe("the skus that keep a promise", () => {
  it("are sorted here as Azure sorts them, each once", () => {
    expect([...regional, ...zonal, ...worldwide].sort()).toEqual([...Sku.options].sort());
  });

  it.each<[promise: Partial<ResidencyPromise>, region: string, skus: readonly Sku[]]>([
    // Nothing promised, anything kept.
    [{ zone: "none" }, "swedencentral", Sku.options],
    [{ zone: "none" }, "atlantis", Sku.options],
    // The EU Data Boundary: members, Norway and Switzerland.
    [{ zone: "eu", processing: "region" }, "swedencentral", regional],
    [{ zone: "eu", processing: "zone" }, "swedencentral", [...regional, ...zonal]],
    [{ zone: "eu", processing: "global" }, "swedencentral", [...regional, ...zonal]],
    [{ zone: "eu", processing: "region" }, "norwayeast", regional],
    [{ zone: "eu", processing: "zone" }, "switzerlandnorth", [...regional, ...zonal]],
    [{ zone: "eu", processing: "zone" }, "uksouth", []],
    [{ zone: "eu", processing: "zone" }, "eastus2", []],
    [{ zone: "eu", processing: "zone" }, "atlantis", []],
    [{ zone: "eu", processing: "zone" }, "SwedenCentral", []],
    [{ zone: "eu", processing: "zone" }, "constructor", []],
    // EU members only: data zones reach Norway and Switzerland, so single member regions alone.
    [{ zone: "eu", processing: "region", euReading: "members" }, "francecentral", regional],
    [{ zone: "eu", processing: "zone", euReading: "members" }, "francecentral", regional],
    [{ zone: "eu", processing: "global", euReading: "members" }, "francecentral", regional],
    [{ zone: "eu", processing: "zone", euReading: "members" }, "norwayeast", []],
    [{ zone: "eu", processing: "zone", euReading: "members" }, "switzerlandwest", []],
    [{ zone: "eu", processing: "zone", euReading: "members" }, "westus", []],
    // The US zone, where the reading of "EU" means nothing.
    [{ zone: "us", processing: "region" }, "eastus2", regional],
    [{ zone: "us", processing: "zone" }, "westus3", [...regional, ...zonal]],
    [{ zone: "us", processing: "zone", euReading: "members" }, "westus3", [...regional, ...zonal]],
    [{ zone: "us", processing: "zone" }, "swedencentral", []],
    [{ zone: "us", processing: "zone" }, "atlantis", []],
  ])("%j in %s", (promise, region, skus) => {
    expect([...keeping(region, promise)].sort()).toEqual([...skus].sort());
  });

  it("never include one that processes anywhere, under any promise of a zone", () => {
    for (const zone of ["eu", "us"] as const)
      for (const processing of ["region", "zone", "global"] as const)
        for (const euReading of ["data_boundary", "members"] as const)
          for (const region of ["swedencentral", "eastus"])
            for (const sku of worldwide)
              expect(keepsPromise({ sku, region }, promiseOf({ zone, processing, euReading }))).toBe(false);
  });
});

describe("the backends that are left", () => {
  const inEu = backendOf({ id: backendId(1) });
  const inUs = backendOf({ id: backendId(2), region: "eastus2" });
  const guarded = backendOf({ id: backendId(3), classification: "internal" });
  const eu = promiseOf({ zone: "eu" });

  it("keep the promise and may receive the classification", () => {
    const deployment = deploymentOf({ backends: [inUs, guarded, inEu] });
    const left = (classification: "internal" | "restricted") => {
      const result = eligibleBackends(deployment, eu, classification);
      return result.ok ? result.value.map(({ id }) => id) : result.error.code;
    };
    expect(left("internal")).toEqual([backendId(3), backendId(1)]);
    expect(left("restricted")).toEqual([backendId(1)]);
  });

  it.each<
    [
      name: string,
      backends: unknown[],
      changes: object,
      classification: "public" | "restricted",
      code: string,
    ]
  >([
    ["no backend in the zone", [inUs], {}, "public", "residency_backend"],
    ["no backend for the classification", [guarded], {}, "restricted", "backend_classification"],
    [
      "a backend for the classification outside the zone",
      [guarded, inUs],
      {},
      "restricted",
      "backend_classification",
    ],
    [
      "a deployment with a lower ceiling",
      [inEu],
      { classification: "internal" },
      "restricted",
      "backend_classification",
    ],
  ])("are none with %s", (_name, backends, changes, classification, code) => {
    const result = eligibleBackends(deploymentOf({ backends, ...changes }), eu, classification);
    expect(result).toMatchObject({ ok: false, error: { code } });
  });
});
