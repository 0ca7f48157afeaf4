// Narrowing only ever narrows: what it leaves keeps the promise and every demand, and nothing else is taken away.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Sku } from "../../../src/azure/backend.ts";
import { keepsPromise } from "../../../src/residency/eligible-backends.ts";
import {
  type NarrowedPromise,
  narrowedPromise,
  type ResidencyDemand,
} from "../../../src/residency/narrowed-promise.ts";
import { NO_PROMISE, ResidencyPromise } from "../../../src/residency/promise.ts";

const levels = fc.constantFrom("region", "zone", "global");
const promises: fc.Arbitrary<ResidencyPromise> = fc.record({
  zone: fc.constantFrom("none", "eu", "us"),
  processing: levels,
  euReading: fc.constantFrom("data_boundary", "members"),
  ingress: fc.constantFrom("zone", "anywhere"),
});
const demands: fc.Arbitrary<readonly ResidencyDemand[]> = fc.array(
  fc.record(
    {
      dataResidency: fc.constantFrom("eu", "us", undefined),
      processing: fc.option(levels, { nil: undefined }),
    },
    { requiredKeys: [] },
  ),
  { maxLength: 4 },
);
const regions = ["swedencentral", "norwayeast", "switzerlandnorth", "eastus2", "uksouth", "atlantis"];
const backends = Sku.options.flatMap((sku) => regions.map((region) => ({ sku, region })));

const keptUnder = (promise: NarrowedPromise | null) =>
  promise === null ? [] : backends.filter((backend) => keepsPromise(backend, promise));

describe("a narrowed promise", () => {
  it("keeps what the promise and each single demand keep, no less and no more", () => {
    fc.assert(
      fc.property(promises, demands, (promise, demanded) => {
        const alone = demanded.map((demand) =>
          // A demand by itself is a promise, under the tenant's reading of "EU".
          narrowedPromise({ ...NO_PROMISE, euReading: promise.euReading }, [demand]),
        );
        const byEach = backends.filter((backend) =>
          [promise, ...alone].every((one) => one !== null && keepsPromise(backend, one)),
        );
        expect(keptUnder(narrowedPromise(promise, demanded))).toEqual(byEach);
      }),
    );
  });

  it("is the same whatever the order, and however many steps it takes", () => {
    fc.assert(
      fc.property(promises, demands, (promise, demanded) => {
        const whole = narrowedPromise(promise, demanded);
        expect(narrowedPromise(promise, demanded.toReversed())).toEqual(whole);
        const stepwise = demanded.reduce<NarrowedPromise | null>(
          (narrowed, demand) => narrowed && narrowedPromise(narrowed, [demand]),
          promise,
        );
        expect(keptUnder(stepwise)).toEqual(keptUnder(whole));
      }),
    );
  });

  it("is the promise itself where nothing is demanded", () => {
    fc.assert(
      fc.property(promises, (promise) => {
        expect(narrowedPromise(promise, [])).toBe(promise);
      }),
    );
  });

  it("leaves callers where the tenant lets them be: a policy's zone is about backends", () => {
    expect(narrowedPromise(NO_PROMISE, [{ dataResidency: "eu" }])?.ingress).toBe("anywhere");
    const eu = ResidencyPromise.parse({ zone: "eu" });
    expect(narrowedPromise(eu, [{ processing: "region" }])?.ingress).toBe("zone");
  });

  it("is nothing where zones contradict", () => {
    const eu = ResidencyPromise.parse({ zone: "eu" });
    expect(narrowedPromise(eu, [{ dataResidency: "us" }])).toBeNull();
    expect(narrowedPromise(NO_PROMISE, [{ dataResidency: "us" }, { dataResidency: "eu" }])).toBeNull();
  });
});
