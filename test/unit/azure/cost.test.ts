// Costs are exact and rounded up: a budget is never overdrawn by rounding.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { boundNanoUsd, costNanoUsd } from "../../../src/azure/cost.ts";

const price = { inputPicoUsd: 2_500_000, cachedInputPicoUsd: 1_250_000, outputPicoUsd: 10_000_000 };
const usage = (changes: object = {}) => ({
  promptTokens: 100,
  cachedPromptTokens: 0,
  completionTokens: 10,
  totalTokens: 110,
  ...changes,
});

describe("what usage costs", () => {
  it("is input, cached input and output, each at its price", () => {
    expect(costNanoUsd(price, usage())).toBe(100 * 2_500 + 10 * 10_000);
    expect(costNanoUsd(price, usage({ cachedPromptTokens: 60 }))).toBe(40 * 2_500 + 60 * 1_250 + 10 * 10_000);
  });

  it("never takes more tokens for cached than the prompt has", () => {
    expect(costNanoUsd(price, usage({ cachedPromptTokens: 900 }))).toBe(100 * 1_250 + 10 * 10_000);
  });

  it("counts what the total holds beyond its parts at the dearer price", () => {
    expect(costNanoUsd(price, usage({ totalTokens: 115 }))).toBe(100 * 2_500 + 15 * 10_000);
  });

  it("is rounded up to a whole nano-USD once, not per part", () => {
    const fractional = { inputPicoUsd: 5_500, cachedInputPicoUsd: 550, outputPicoUsd: 400 };
    expect(costNanoUsd(fractional, usage({ promptTokens: 1, completionTokens: 1, totalTokens: 2 }))).toBe(6);
    expect(costNanoUsd(fractional, usage({ promptTokens: 2, completionTokens: 0, totalTokens: 2 }))).toBe(11);
  });

  it("is unknown without a price, or without the price of what was used", () => {
    expect(costNanoUsd(null, usage())).toBeNull();
    const inputOnly = { ...price, outputPicoUsd: null };
    expect(costNanoUsd(inputOnly, usage())).toBeNull();
    expect(costNanoUsd(inputOnly, usage({ completionTokens: 0, totalTokens: 101 }))).toBeNull();
    expect(costNanoUsd(inputOnly, usage({ completionTokens: 0, totalTokens: 100 }))).toBe(250_000);
  });

  it("agrees with arbitrary precision, and where numbers end it is more than any limit", () => {
    const pico = fc.oneof(fc.integer({ min: 0, max: 10_000 }), fc.integer({ min: 0, max: 1_000_000_000 }));
    const tokens = fc.oneof(fc.nat(1_000), fc.maxSafeNat());
    fc.assert(
      fc.property(
        pico,
        pico,
        pico,
        tokens,
        tokens,
        tokens,
        (input, cached, output, prompt, hit, completion) => {
          const cachedPromptTokens = Math.min(hit, prompt);
          const exact =
            BigInt(prompt - cachedPromptTokens) * BigInt(input) +
            BigInt(cachedPromptTokens) * BigInt(cached) +
            BigInt(completion) * BigInt(output);
          const nano = (exact + 999n) / 1_000n;
          const told = costNanoUsd(
            { inputPicoUsd: input, cachedInputPicoUsd: cached, outputPicoUsd: output },
            { promptTokens: prompt, cachedPromptTokens, completionTokens: completion, totalTokens: 0 },
          );
          const most = BigInt(Number.MAX_SAFE_INTEGER);
          if (told === Number.MAX_SAFE_INTEGER) expect(exact > most - 1_000n).toBe(true);
          else expect(BigInt(told ?? -1)).toBe(nano);
        },
      ),
      { numRuns: 1_000 },
    );
  });
});

describe("what a reservation costs at most", () => {
  it("has nothing cached, and takes tokens that nobody named for the dearer kind", () => {
    expect(boundNanoUsd(price, { promptTokens: 100, outputTokens: 10, unnamedTokens: 5 })).toBe(
      100 * 2_500 + 15 * 10_000,
    );
  });

  it("is never less than what the same tokens cost when used", () => {
    fc.assert(
      fc.property(fc.nat(10_000), fc.nat(10_000), fc.nat(10_000), (promptTokens, cached, outputTokens) => {
        const used = costNanoUsd(price, {
          promptTokens,
          cachedPromptTokens: cached,
          completionTokens: outputTokens,
          totalTokens: promptTokens + outputTokens,
        });
        expect(boundNanoUsd(price, { promptTokens, outputTokens, unnamedTokens: 0 })).toBeGreaterThanOrEqual(
          used ?? 0,
        );
      }),
    );
  });
});
