/**
 * Which backend keeps which promise: every sku in every region against every promise and every demand of a policy. What
 * is expected follows from where data may be processed, as a set of places, and never looks at the code's tables.
 */
import { describe, expect, it } from "vitest";
import { Sku } from "../../../src/azure/backend.ts";
import { eligibleBackends, keepsPromise } from "../../../src/residency/eligible-backends.ts";
import { narrowedPromise, type ResidencyDemand } from "../../../src/residency/narrowed-promise.ts";
import { ResidencyPromise } from "../../../src/residency/promise.ts";
import { backendId, backendOf, deploymentOf } from "../azure/azure-fixture.ts";

type Land = "eu" | "efta" | "us" | "elsewhere";
const everywhere: readonly Land[] = ["eu", "efta", "us", "elsewhere"];

const regions: Readonly<Record<Land, string>> = {
  eu:
    "austriaeast belgiumcentral denmarkeast francecentral francesouth germanynorth germanywestcentral italynorth " +
    "northeurope polandcentral spaincentral swedencentral swedensouth westeurope",
  efta: "norwayeast norwaywest switzerlandnorth switzerlandwest",
  us: "centralus eastus eastus2 northcentralus southcentralus westcentralus westus westus2 westus3",
  elsewhere:
    "uksouth ukwest canadaeast brazilsouth australiaeast japaneast atlantis constructor SwedenCentral",
};

/** As Microsoft describes its deployment types: in the region, in the region's zone, or wherever there is room. */
const skus: Readonly<Record<Sku, "region" | "zone" | "global">> = {
  Standard: "region",
  ProvisionedManaged: "region",
  DataZoneStandard: "zone",
  DataZoneProvisionedManaged: "zone",
  DataZoneBatch: "zone",
  GlobalStandard: "global",
  GlobalProvisionedManaged: "global",
  GlobalBatch: "global",
  DeveloperTier: "global",
};

/** Where data may end up. The EU zone reaches Norway and Switzerland from wherever it is entered. */
function reachOf(spread: (typeof skus)[Sku], land: Land): readonly Land[] {
  if (spread === "global") return everywhere;
  if (spread === "region") return [land];
  return land === "eu" || land === "efta" ? ["eu", "efta"] : [land];
}

function allowedLands({ zone, euReading }: ResidencyPromise): readonly Land[] {
  if (zone === "none") return everywhere;
  if (zone === "us") return ["us"];
  return euReading === "members" ? ["eu"] : ["eu", "efta"];
}

const levels = ["region", "zone", "global"] as const;
/** A tenant that promises no zone has promised no level. */
const levelOf = ({ zone, processing }: ResidencyPromise) => (zone === "none" ? "global" : processing);

function expected(sku: Sku, land: Land, promise: ResidencyPromise, demand: ResidencyDemand): boolean {
  const reach = reachOf(skus[sku], land);
  const within = (lands: readonly Land[]) => reach.every((one) => lands.includes(one));
  const atMost = (level: (typeof levels)[number]) => levels.indexOf(skus[sku]) <= levels.indexOf(level);
  if (!within(allowedLands(promise)) || !atMost(levelOf(promise))) return false;
  if (demand.processing !== undefined && !atMost(demand.processing)) return false;
  return (
    demand.dataResidency === undefined || within(allowedLands({ ...promise, zone: demand.dataResidency }))
  );
}

const promises = (["none", "eu", "us"] as const).flatMap((zone) =>
  levels.flatMap((processing) =>
    (["data_boundary", "members"] as const).map((euReading) =>
      ResidencyPromise.parse({ zone, processing, euReading }),
    ),
  ),
);
const demands: readonly ResidencyDemand[] = ([undefined, "eu", "us"] as const).flatMap((dataResidency) =>
  ([undefined, ...levels] as const).map((processing) => ({ dataResidency, processing })),
);

describe("every sku in every region", () => {
  it.each(promises)("under $zone, $processing, $euReading and whatever policies demand", (promise) => {
    for (const demand of demands) {
      const narrowed = narrowedPromise(promise, [demand]);
      for (const land of everywhere) {
        for (const region of regions[land].split(" ")) {
          for (const sku of Sku.options) {
            const keeps = narrowed !== null && keepsPromise({ sku, region }, narrowed);
            const claimed = expected(sku, land, promise, demand);
            expect(keeps, `${sku} in ${region}, ${JSON.stringify(demand)}`).toBe(claimed);
          }
        }
      }
    }
  });

  it("knows every sku that a backend can have", () => {
    expect(Object.keys(skus).toSorted()).toEqual(Sku.options.toSorted());
  });
});

describe("the backends that are left", () => {
  const inEu = backendOf({ id: backendId(1) });
  const inUs = backendOf({ id: backendId(2), region: "eastus2" });
  const guarded = backendOf({ id: backendId(3), classification: "internal" });
  const zonal = backendOf({ id: backendId(4), sku: "DataZoneStandard" });
  const eu = ResidencyPromise.parse({ zone: "eu" });
  const none = ResidencyPromise.parse({});

  function left(backends: unknown[], promise: ResidencyPromise, ...demanded: ResidencyDemand[]) {
    const result = eligibleBackends(deploymentOf({ backends }), promise, "internal", demanded);
    return result.ok ? result.value.map(({ id }) => id) : result.error.code;
  }

  it("keep the promise and may receive the classification", () => {
    const deployment = deploymentOf({ backends: [inUs, guarded, inEu] });
    const leftFor = (classification: "internal" | "restricted") => {
      const result = eligibleBackends(deployment, eu, classification);
      return result.ok ? result.value.map(({ id }) => id) : result.error.code;
    };
    expect(leftFor("internal")).toEqual([backendId(3), backendId(1)]);
    expect(leftFor("restricted")).toEqual([backendId(1)]);
  });

  it("are fewer where policies demand more than the tenant promises", () => {
    const all = [inUs, zonal, inEu];
    expect(left(all, none)).toEqual([backendId(2), backendId(4), backendId(1)]);
    expect(left(all, none, { dataResidency: "eu" })).toEqual([backendId(4), backendId(1)]);
    expect(left(all, none, { processing: "region" })).toEqual([backendId(2), backendId(1)]);
    expect(left(all, none, { dataResidency: "eu" }, { processing: "region" })).toEqual([backendId(1)]);
    expect(left(all, eu, { processing: "region" })).toEqual([backendId(1)]);
    expect(left(all, eu, { processing: "global" })).toEqual([backendId(4), backendId(1)]);
  });

  it("are none where two zones are demanded at once, and the refusal says so", () => {
    expect(left([inUs, inEu], eu, { dataResidency: "us" })).toBe("residency_backend");
    expect(left([inUs, inEu], none, { dataResidency: "us" }, { dataResidency: "eu" })).toBe(
      "residency_backend",
    );
    const refused = eligibleBackends(deploymentOf(), eu, "internal", [{ dataResidency: "us" }]);
    expect(refused).toMatchObject({
      error: { evidence: { deployment: "gpt-4", zone: "eu", contradiction: expect.any(String) } },
    });
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
