// What images cost: the published examples, and never more than the model's maximum, which unknown sizes are charged.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { imageTokens } from "../../../src/azure/image-tokens.ts";

const tokens = (model: string, width: number, height: number, detail: string | null = "high") =>
  imageTokens(model, { size: { width, height }, detail });
const unknown = (model: string, detail: string | null = null) => imageTokens(model, { size: null, detail });

describe("an image", () => {
  it.each<[model: string, width: number, height: number, tokens: number]>([
    ["gpt-4o", 1_024, 1_024, 765],
    ["gpt-4o", 2_048, 4_096, 1_105],
    ["gpt-4o-2024-11-20", 1_024, 1_024, 765],
    ["GPT-4o", 1, 1, 255],
    ["gpt-4o-mini", 1_024, 1_024, 2_833 + 4 * 5_667],
    ["gpt-5", 1_024, 1_024, 70 + 4 * 140],
    ["o3", 1_024, 1_024, 75 + 4 * 150],
    ["gpt-4.1-mini", 1_024, 1_024, Math.ceil(1_024 * 1.62)],
    ["gpt-4.1-nano", 1_800, 2_400, Math.ceil(1_536 * 2.46)],
    ["gpt-5.2", 33, 1, 2],
    ["gpt-5.4", 4_000, 4_000, 2_500],
  ])("costs %s at %i × %i: %i tokens", (model, width, height, expected) => {
    expect(tokens(model, width, height)).toBe(expected);
  });

  it("of low detail costs tile models their base, whatever its size", () => {
    expect(tokens("gpt-4o", 4_000, 4_000, "low")).toBe(85);
    expect(unknown("gpt-4o", "low")).toBe(85);
  });

  it("costs as if of high detail where the detail is left to the model, or unheard of", () => {
    for (const detail of [null, "auto", "high", "immense"]) {
      expect(tokens("gpt-4o", 1_024, 1_024, detail)).toBe(765);
    }
  });

  it("may be read in its original size where the model can and nobody says otherwise", () => {
    for (const detail of [null, "auto", "original"]) {
      expect(tokens("gpt-5.5", 4_000, 4_000, detail)).toBe(10_000);
      expect(tokens("gpt-5.2", 4_000, 4_000, detail)).toBe(1_536);
    }
    expect(tokens("gpt-5.5", 4_000, 4_000, "low")).toBe(2_500);
  });

  it.each([
    ["gpt-4o", 85 + 8 * 170],
    ["gpt-4o-mini", 2_833 + 8 * 5_667],
    ["gpt-4.1-mini", Math.ceil(1_536 * 1.62)],
    ["gpt-5.4", 10_000],
  ])("costs %s at most what one of unknown size is charged", (model, most) => {
    expect(unknown(model)).toBe(most);
    const side = fc.integer({ min: 1, max: 100_000 });
    fc.assert(
      fc.property(side, side, (width, height) => {
        const cost = tokens(model, width, height, null) ?? Number.NaN;
        expect(cost).toBeGreaterThan(0);
        expect(cost).toBeLessThanOrEqual(most);
      }),
    );
  });

  it.each(["gpt-4", "gpt-5-mini", "gpt-5.4-mini", "gpt-4o-audio-preview", "unheard-of", "constructor"])(
    "has no bound on %s",
    (model) => {
      expect(tokens(model, 1, 1)).toBeNull();
    },
  );
});
