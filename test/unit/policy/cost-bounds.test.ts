// The money of one request at its edges, through `decide` as the gateway asks it (guarantee G1).
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { boundNanoUsd } from "../../../src/azure/cost.ts";
import type { AskedUnits } from "../../../src/azure/unit.ts";
import type { Ask } from "../../../src/policy/decision.ts";
import { ask, judge, outcomeOf, policyOf, snapshotOf } from "./decide-fixture.ts";

/** Per choice and reserved in nano-USD, or the refusal's code. The fixture's price: 2,500 and 10,000 nano-USD a token. */
function priced(constraints: object, changes: Partial<Ask>): string {
  const verdict = judge([policyOf({ constraints })], { ask: { ...ask, ...changes } });
  if (verdict.kind === "refused") return verdict.refusal.code;
  const { obligations, reservedCostNanoUsd } = verdict.candidates[0];
  return `${obligations.maxOutputTokens} per choice, ${reservedCostNanoUsd} nano-USD`;
}

const inputOnly = { inputPicoUsd: 2_500_000, cachedInputPicoUsd: 2_500_000, outputPicoUsd: null };

describe.each(["maxCostPerDay", "maxCostPerMonth"])("%s", (key) => {
  const cent = { [key]: 0.01 };

  it.each<[name: string, changes: Partial<Ask>, outcome: string]>([
    ["leaves an ask that it pays for", { outputTokens: 900 }, "900 per choice, 9250000 nano-USD"],
    ["leaves an ask that costs all of it", { outputTokens: 975 }, "975 per choice, 10000000 nano-USD"],
    ["cuts the output to what the prompt leaves", { outputTokens: 976 }, "975 per choice, 10000000 nano-USD"],
    ["shares what is left among choices", { choices: 4 }, "243 per choice, 9970000 nano-USD"],
    [
      "leaves a prompt above it to the ledger, which knows the counters",
      { promptTokens: 5_000 },
      "1 per choice, 12510000 nano-USD",
    ],
    ["takes an embedding, and clamps nothing", { outputTokens: 0 }, "null per choice, 250000 nano-USD"],
    ["refuses a prompt without a bound", { promptTokens: null }, "unbounded_ask"],
    ["refuses where no price is known", { price: null }, "price_unknown"],
    ["refuses where only the price of input is known", { price: inputOnly }, "price_unknown"],
    [
      "takes an embedding where only the price of input is known",
      { price: inputOnly, outputTokens: 0 },
      "null per choice, 250000 nano-USD",
    ],
    [
      "counts free tokens as nothing",
      { price: { inputPicoUsd: 0, cachedInputPicoUsd: 0, outputPicoUsd: 0 } },
      "1000 per choice, 0 nano-USD",
    ],
    [
      "reserves what nobody counted at the dearer price",
      {
        promptTokens: 0,
        outputTokens: null,
        price: { ...ask.price, ...inputOnly, outputPicoUsd: 1_000_000 },
      },
      "4000 per choice, 10000000 nano-USD",
    ],
  ])("%s", (_name, changes, outcome) => {
    expect(priced(cent, changes)).toBe(outcome);
  });

  it("holds for the tenant as well", () => {
    const snapshot = snapshotOf([policyOf()], { [key]: 0.01 });
    const told = (changes: Partial<Ask>) => judge([], { snapshot, ask: { ...ask, ...changes } });
    expect(outcomeOf(told({ price: null }))).toBe("price_unknown");
    expect(told({})).toMatchObject({ candidates: [{ obligations: { maxOutputTokens: 975 } }] });
  });
});

describe("a call that is not billed by tokens", () => {
  const pictures = { unit: "picture", atMost: 3, picoUsdPerUnit: 40_000_000_000 } as const;
  /** As the gateway asks for a picture of a model whose tokens nobody knows. */
  const told = (constraints: object, units: Partial<AskedUnits> = {}) =>
    priced(constraints, {
      promptTokens: null,
      outputTokens: 0,
      outputIsFixed: true,
      units: { ...pictures, ...units },
    });

  it("is reserved with what its units cost, whatever its tokens would", () => {
    expect(told({ maxCostPerDay: 1 })).toBe("null per choice, 120000000 nano-USD");
    expect(told({ maxCostPerMonth: 0.01 })).toBe("null per choice, 120000000 nano-USD");
    expect(told({})).toBe("null per choice, 120000000 nano-USD");
  });

  it("is refused where nothing bounds its units, or their price is not known", () => {
    expect(told({ maxCostPerDay: 1 }, { atMost: null })).toBe("unbounded_ask");
    expect(told({ maxCostPerDay: 1 }, { picoUsdPerUnit: null })).toBe("price_unknown");
    expect(told({}, { atMost: null })).toBe("null per choice, null nano-USD");
  });

  it("has no bound in tokens because it has one in money", () => {
    for (const limit of ["maxTokensPerRequest", "maxTokensPerDay", "maxOutputTokens"])
      expect(told({ [limit]: 1_000_000, maxCostPerDay: 1 })).toBe("unbounded_ask");
  });
});

describe("without a cost limit", () => {
  it("the price is reserved where it is known, for the record", () => {
    expect(priced({}, {})).toBe("null per choice, 10250000 nano-USD");
    expect(priced({}, { price: null })).toBe("null per choice, null nano-USD");
  });
});

describe("several limits", () => {
  it("cut to the tightest, whichever it is", () => {
    expect(priced({ maxCostPerDay: 0.01, maxCostPerMonth: 0.005 }, {})).toBe(
      "475 per choice, 5000000 nano-USD",
    );
    expect(priced({ maxCostPerDay: 0.01, maxTokensPerMinute: 300 }, {})).toBe(
      "200 per choice, 2250000 nano-USD",
    );
    expect(priced({ maxCostPerDay: 0.01, maxTokensPerRequest: 150 }, {})).toBe(
      "50 per choice, 750000 nano-USD",
    );
  });

  it("a minute's tokens cut one request as a day's do", () => {
    expect(priced({ maxTokensPerMinute: 500, maxTokensPerDay: 900 }, {})).toBe(
      "400 per choice, 4250000 nano-USD",
    );
  });
});

it("the output is the largest that the budget pays for, whatever the price", () => {
  const price = fc.record({
    inputPicoUsd: fc.nat(100_000_000),
    cachedInputPicoUsd: fc.constant(0),
    outputPicoUsd: fc.oneof(fc.nat(5_000), fc.nat(600_000_000)),
  });
  fc.assert(
    fc.property(
      price,
      fc.nat(10_000),
      fc.integer({ min: 1, max: 1_000_000 }),
      fc.integer({ min: 1, max: 8 }),
      fc.integer({ min: 1_000, max: 2_000_000_000 }),
      (drawn, promptTokens, outputTokens, choices, limitNano) => {
        const verdict = judge([policyOf({ constraints: { maxCostPerDay: limitNano / 1_000_000_000 } })], {
          ask: { ...ask, promptTokens, outputTokens, choices, price: drawn },
        });
        if (verdict.kind === "refused") throw new Error(verdict.refusal.code);
        const { obligations, reservedCostNanoUsd, claims } = verdict.candidates[0];
        const given = obligations.maxOutputTokens ?? 0;
        const cost = (perChoice: number) =>
          boundNanoUsd(drawn, { promptTokens, outputTokens: perChoice * choices, unnamedTokens: 0 }) ?? 0;
        expect(claims).toMatchObject([{ limit: limitNano, amount: cost(given) }]);
        expect(reservedCostNanoUsd).toBe(cost(given));
        if (given > 1) expect(cost(given)).toBeLessThanOrEqual(limitNano);
        if (given < outputTokens) expect(cost(given + 1)).toBeGreaterThan(limitNano);
      },
    ),
    { numRuns: 500 },
  );
});
