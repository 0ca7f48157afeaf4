// Prices come from the deployment, else from the dated list; what is in neither is unknown, never free.
import { describe, expect, it } from "vitest";
import { Sku } from "../../../src/azure/backend.ts";
import { costNanoUsd } from "../../../src/azure/cost.ts";
import { globalPrices, PRICES_AS_OF } from "../../../src/azure/price-table.ts";
import { dearestPrice, priceOf } from "../../../src/azure/prices.ts";
import { backendId, backendOf, deploymentOf } from "./azure-fixture.ts";

const globalBackend = backendOf({ sku: "GlobalStandard" });
const listed = (model: string, sku: string = "GlobalStandard", prices: object = {}) =>
  priceOf(deploymentOf({ model, prices }), backendOf({ sku }));

const gpt4o = { inputPicoUsd: 2_500_000, cachedInputPicoUsd: 1_250_000, outputPicoUsd: 10_000_000 };
const mini = { inputPicoUsd: 150_000, cachedInputPicoUsd: 75_000, outputPicoUsd: 600_000 };

describe("the list", () => {
  it("says of which day it is", () => {
    expect(PRICES_AS_OF).toMatch(/^\d{4}-\d{2}-\d{2}$/);
  });

  it.each([
    ["gpt-4o", gpt4o],
    ["gpt-4o-2024-11-20", gpt4o],
    ["GPT-4o", gpt4o],
    ["gpt-4o-mini", mini],
    ["gpt-4o-mini-2024-07-18", mini],
  ])("knows %s", (model, price) => {
    expect(listed(model)).toEqual(price);
  });

  it("keeps the price of a version that has its own", () => {
    expect(listed("gpt-4o-2024-05-13")).toEqual({
      inputPicoUsd: 5_000_000,
      cachedInputPicoUsd: 5_000_000,
      outputPicoUsd: 15_000_000,
    });
  });

  it.each([
    "gpt-4",
    "gpt-4o-audio-preview",
    "gpt-4o-mini-tts",
    "gpt-4o2",
    "gpt-5-pro",
    "gpt-5.10",
    "o3-pro",
    "my-gpt-4o",
    "",
    "constructor",
  ])("does not take %j for a model it resembles", (model) => {
    expect(priceOf({ ...deploymentOf(), model }, globalBackend)).toBeNull();
  });

  it("has every model under a name that finds it, versions included", () => {
    for (const [name, { input, output }] of Object.entries(globalPrices)) {
      expect([name, listed(name)?.outputPicoUsd]).toEqual([
        name,
        output === null ? null : output * 1_000_000,
      ]);
      expect(listed(name)?.inputPicoUsd).toBeGreaterThanOrEqual(Math.round(input * 1_000_000));
    }
  });

  it("prices input where writing to the cache is dearer as if all were written", () => {
    expect(listed("gpt-5.6-sol")).toEqual({
      inputPicoUsd: 5_000_000,
      cachedInputPicoUsd: 400_000,
      outputPicoUsd: 20_000_000,
    });
  });
});

describe("where a backend processes", () => {
  const elsewhere = { inputPicoUsd: 2_750_000, cachedInputPicoUsd: 1_375_000, outputPicoUsd: 11_000_000 };
  const globally = new Set<string>([
    "GlobalStandard",
    "GlobalProvisionedManaged",
    "GlobalBatch",
    "DeveloperTier",
  ]);

  it.each(Sku.options)(
    "%s costs a tenth more unless it is global; provisioned is like pay as you go",
    (sku) => {
      expect(listed("gpt-4o", sku)).toEqual(globally.has(sku) ? gpt4o : elsewhere);
    },
  );

  it("keeps fractions of a nano-USD", () => {
    expect(listed("gpt-5-nano", "DataZoneStandard")).toEqual({
      inputPicoUsd: 55_000,
      cachedInputPicoUsd: 5_500,
      outputPicoUsd: 440_000,
    });
  });
});

describe("an operator's prices", () => {
  it("come first, and no factor comes on top of them", () => {
    const prices = { inputPerMillion: 1, cachedInputPerMillion: 0.5, outputPerMillion: 3 };
    const own = { inputPicoUsd: 1_000_000, cachedInputPicoUsd: 500_000, outputPicoUsd: 3_000_000 };
    expect(listed("gpt-4o", "DataZoneStandard", prices)).toEqual(own);
    expect(listed("my-own-model", "Standard", prices)).toEqual(own);
  });

  it("replace the list's one by one; with its own price, input has no discount but its own", () => {
    expect(listed("gpt-4o", "GlobalStandard", { outputPerMillion: 4 })).toEqual({
      ...gpt4o,
      outputPicoUsd: 4_000_000,
    });
    expect(listed("gpt-4o", "GlobalStandard", { cachedInputPerMillion: 0.25 })).toEqual({
      ...gpt4o,
      cachedInputPicoUsd: 250_000,
    });
    expect(listed("gpt-5.6-sol", "GlobalStandard", { inputPerMillion: 4 })).toEqual({
      inputPicoUsd: 4_000_000,
      cachedInputPicoUsd: 4_000_000,
      outputPicoUsd: 20_000_000,
    });
  });

  it("may be zero, which is known, unlike none", () => {
    expect(listed("x", "GlobalStandard", { inputPerMillion: 0, outputPerMillion: 0 })).toEqual({
      inputPicoUsd: 0,
      cachedInputPicoUsd: 0,
      outputPicoUsd: 0,
    });
    expect(listed("x", "GlobalStandard", { outputPerMillion: 1 })).toBeNull();
    expect(listed("x", "GlobalStandard", { inputPerMillion: 1 })?.outputPicoUsd).toBeNull();
  });

  it("are needed for output only where there is output", () => {
    const embeddings = deploymentOf({ model: "text-embedding-3-small", maxOutputTokens: 0 });
    expect(priceOf(embeddings, globalBackend)).toEqual({
      inputPicoUsd: 20_000,
      cachedInputPicoUsd: 20_000,
      outputPicoUsd: null,
    });
    const usage = { promptTokens: 10, cachedPromptTokens: 0, completionTokens: 0, totalTokens: 10 };
    expect(costNanoUsd(priceOf(embeddings, globalBackend), usage)).toBe(200);
  });

  it("are unknown for pictures whose deployment states that of its input alone", () => {
    const prices = { inputPerMillion: 5, cachedInputPerMillion: null, outputPerMillion: null };
    const pictures = deploymentOf({ model: "a-picture-model", maxOutputTokens: 0, prices });
    const usage = { promptTokens: 10, cachedPromptTokens: 0, completionTokens: 272, totalTokens: 282 };
    expect(costNanoUsd(priceOf(pictures, globalBackend), usage)).toBeNull();
  });
});

describe("what a reservation is priced at", () => {
  it("is the dearest backend, whichever will answer", () => {
    const backends = [globalBackend, backendOf({ id: backendId(2), sku: "DataZoneStandard" })];
    expect(dearestPrice(deploymentOf({ model: "gpt-4o", backends }))).toEqual(
      listed("gpt-4o", "DataZoneStandard"),
    );
    expect(dearestPrice(deploymentOf({ model: "gpt-4o", backends: [globalBackend] }))).toEqual(gpt4o);
  });

  it("takes a prompt for cached where that is dearer", () => {
    const prices = { inputPerMillion: 1, cachedInputPerMillion: 2, outputPerMillion: 3 };
    expect(dearestPrice(deploymentOf({ prices }))?.inputPicoUsd).toBe(2_000_000);
  });

  it("is unknown with the model's price, and stays what it was for one deployment", () => {
    expect(dearestPrice(deploymentOf({ model: "unheard-of" }))).toBeNull();
    const deployment = deploymentOf({ model: "gpt-4o" });
    expect(dearestPrice(deployment)).toBe(dearestPrice(deployment));
  });
});
