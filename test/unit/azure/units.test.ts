// What is billed by the picture, the character or the second: its price, what bounds it, and what an answer tells of it.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { askedUnits, assumedUnits } from "../../../src/azure/asked-units.ts";
import { billedCharacters } from "../../../src/azure/billed-characters.ts";
import { unitsNanoUsd } from "../../../src/azure/cost.ts";
import { Deployment, Prices } from "../../../src/azure/deployment.ts";
import { type OperationName, operations } from "../../../src/azure/operation.ts";
import { toldUnits } from "../../../src/azure/told-units.ts";
import {
  UNIT_PRICES_AS_OF,
  usdPerAudioMinute,
  usdPerMillionCharacters,
  usdPerPicture,
} from "../../../src/azure/unit-price-table.ts";
import type { JsonObject } from "../../../src/kernel/json.ts";
import type { Action } from "../../../src/policy/action.ts";
import { backendOf, deploymentOf } from "./azure-fixture.ts";

const asked = (name: OperationName, body: JsonObject, model: string, prices: object = {}) =>
  askedUnits(operations[name], body, deploymentOf({ model, prices }));
const drawn = (body: JsonObject, model = "dall-e-3", prices: object = {}) =>
  asked("images/generations", body, model, prices);
const told = (name: OperationName, answer: unknown, sent: JsonObject = {}) =>
  toldUnits(operations[name], sent, answer);

const PICO = 1_000_000_000_000;

describe("the list", () => {
  it("says of which day it is", () => {
    expect(UNIT_PRICES_AS_OF).toMatch(/^\d{4}-\d{2}-\d{2}$/);
  });

  it.each<[body: JsonObject, usd: number | null]>([
    [{ size: "1024x1024", quality: "standard" }, 0.04],
    [{ size: "1024x1024", quality: "hd" }, 0.08],
    [{ size: "1792x1024", quality: "standard" }, 0.08],
    [{ size: "1024x1792", quality: "hd" }, 0.12],
    [{ size: "1024x1024" }, 0.08],
    [{ quality: "standard" }, 0.08],
    [{}, 0.12],
    [{ size: "auto", quality: null }, 0.12],
    [{ size: "512x512", quality: "standard" }, null],
    [{ size: "1024x1024", quality: "high" }, null],
    [{ quality: "toString" }, null],
    [{ size: 1_024 }, null],
  ])("has a picture of dall-e-3 with %j for %s USD, the dearest that it may be", (body, usd) => {
    expect(drawn(body)).toEqual({
      unit: "picture",
      atMost: 1,
      picoUsdPerUnit: usd === null ? null : Math.round(usd * PICO),
    });
  });

  it("has speech by the character and transcripts by the second", () => {
    const ask = { input: "Hello", voice: "alloy" };
    expect(asked("audio/speech", ask, "tts")).toEqual({
      unit: "character",
      atMost: 5,
      picoUsdPerUnit: 15_000_000,
    });
    expect(asked("audio/speech", ask, "tts-hd")).toMatchObject({ picoUsdPerUnit: 30_000_000 });
    for (const name of ["audio/transcriptions", "audio/translations"] as const)
      expect(asked(name, {}, "Whisper")).toEqual({
        unit: "audio_second",
        atMost: null,
        picoUsdPerUnit: 100_000_000,
      });
  });

  it("has every model under a name that finds it", () => {
    for (const model of Object.keys(usdPerPicture)) expect(drawn({}, model)).not.toBeNull();
    for (const model of Object.keys(usdPerMillionCharacters))
      expect(asked("audio/speech", {}, model)).not.toBeNull();
    for (const model of Object.keys(usdPerAudioMinute))
      expect(asked("audio/translations", {}, model)).not.toBeNull();
  });

  it.each<[OperationName, string]>([
    ["images/generations", "gpt-image-1"],
    ["images/generations", "dall-e-2"],
    ["images/generations", "my-dall-e-3"],
    ["audio/speech", "gpt-4o-mini-tts"],
    ["audio/speech", "whisper"],
    ["audio/transcriptions", "gpt-4o-transcribe"],
    ["audio/transcriptions", "whisper-large"],
    ["chat/completions", "dall-e-3"],
    ["embeddings", "tts"],
  ])("leaves %s of %s to the price of tokens", (name, model) => {
    expect(asked(name, { input: "x" }, model)).toBeNull();
  });
});

describe("an operator's prices", () => {
  it("come before the list's, and before those of tokens", () => {
    expect(drawn({ size: "9x9", n: 3 }, "dall-e-3", { perImage: 0.01 })).toEqual({
      unit: "picture",
      atMost: 3,
      picoUsdPerUnit: 0.01 * PICO,
    });
    expect(drawn({}, "gpt-image-1", { perImage: 0.2, inputPerMillion: 5 })).toMatchObject({
      picoUsdPerUnit: 0.2 * PICO,
    });
    expect(asked("images/edits", { n: 2 }, "my-model", { perImage: 0 })).toMatchObject({
      atMost: 2,
      picoUsdPerUnit: 0,
    });
    expect(asked("audio/speech", { input: "x" }, "tts", { perMillionCharacters: 1.5 })).toMatchObject({
      picoUsdPerUnit: 1_500_000,
    });
    // A minute that no second divides: never less than the price.
    expect(asked("audio/translations", {}, "x", { perAudioMinute: 0.1 })).toMatchObject({
      picoUsdPerUnit: 1_666_666_667,
    });
  });

  it("where they are not known leave the list's", () => {
    expect(drawn({}, "dall-e-3", { perImage: null, inputPerMillion: 1 })).toMatchObject({
      picoUsdPerUnit: 0.12 * PICO,
    });
  });

  it("of before there were units still read, and no unit costs less than nothing or a fortune", () => {
    const before = { inputPerMillion: 1, cachedInputPerMillion: null, outputPerMillion: null };
    expect(Prices.parse(before)).toEqual(before);
    expect(Deployment.safeParse({ ...deploymentOf(), prices: before }).success).toBe(true);
    for (const usd of [-1, 1_001, "1"]) expect(Prices.safeParse({ perImage: usd }).success).toBe(false);
  });

  it("are the same at every backend, as the list's are", () => {
    const at = (sku: string) =>
      askedUnits(
        operations["audio/speech"],
        { input: "x" },
        deploymentOf({ model: "tts", backends: [backendOf({ sku })] }),
      );
    expect(at("Standard")).toEqual(at("GlobalStandard"));
  });
});

describe("what a request asks for", () => {
  it.each<[body: JsonObject, pictures: number | null]>([
    [{}, 1],
    [{ n: null }, 1],
    [{ n: 4 }, 4],
    [{ n: 4, partial_images: 0 }, 4],
    [{ partial_images: 1 }, null],
    [{ frame_count: 2 }, null],
    [{ complexity: "high" }, null],
  ])("%j: at most %s pictures", (body, pictures) => {
    expect(drawn(body)?.atMost).toBe(pictures);
  });

  it.each<[body: JsonObject, characters: number | null]>([
    [{ input: "" }, 0],
    [{ input: "Hé, you!\n" }, 9],
    [{ input: "水门 gate" }, 9],
    [{ input: "🙂" }, 2],
    [{ input: "𠀀" }, 2],
    [{ input: "Hello", instructions: "softly" }, 11],
    [{ input: ["Hello"] }, null],
    [{}, null],
  ])("%j: %s characters, as many as any reading makes of them", (body, characters) => {
    expect(billedCharacters(body)).toBe(characters);
  });

  it("is never more than two for a code point", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (input) => {
        const codePoints = [...input].length;
        const counted = billedCharacters({ input }) ?? Number.NaN;
        expect(counted).toBeGreaterThanOrEqual(input.length);
        expect(counted).toBeLessThanOrEqual(2 * codePoints);
      }),
    );
  });
});

describe("where only the action is known", () => {
  const assumed = (action: Action, known: object, model: string, prices: object = {}) =>
    assumedUnits(action, { pictures: null, characters: null, ...known }, deploymentOf({ model, prices }));

  it("its amounts are what is known, at the dearest price", () => {
    expect(assumed("image", { pictures: 2 }, "dall-e-3")).toEqual({
      unit: "picture",
      atMost: 2,
      picoUsdPerUnit: 0.12 * PICO,
    });
    expect(assumed("audio", { characters: 100 }, "tts")).toMatchObject({ unit: "character", atMost: 200 });
  });

  it("what is not known has no bound, and tokens are none of it", () => {
    expect(assumed("image", {}, "dall-e-3")).toMatchObject({ atMost: null });
    expect(assumed("audio", {}, "tts")).toMatchObject({ atMost: null });
    expect(assumed("image", { pictures: 2 }, "gpt-image-1")).toBeNull();
    expect(assumed("chat", { pictures: 2, characters: 1 }, "dall-e-3")).toBeNull();
  });

  it("of several operations that it may be, it is the one that nothing bounds", () => {
    const both = { perAudioMinute: 1, perMillionCharacters: 1 };
    expect(assumed("audio", { characters: 1 }, "x", both)).toMatchObject({ unit: "audio_second" });
  });
});

describe("what an answer tells", () => {
  it.each<[answer: unknown, pictures: number | null]>([
    [{ created: 1, data: [{ url: "x" }, { url: "y" }] }, 2],
    [{ data: [] }, null],
    [{ data: { length: 4 } }, null],
    [{}, null],
    [[1], null],
    [undefined, null],
  ])("%j: %s pictures", (answer, pictures) => {
    expect(told("images/generations", answer)).toBe(pictures);
    expect(told("images/edits", answer)).toBe(pictures);
  });

  it.each<[answer: unknown, seconds: number | null]>([
    [{ text: "x", usage: { type: "duration", seconds: 3 } }, 3],
    [{ text: "x", duration: 3.2 }, 4],
    [{ duration: 3.2, usage: { type: "duration", seconds: 5 } }, 5],
    [{ duration: 7, usage: { type: "duration", seconds: 5 } }, 7],
    [{ duration: 0, usage: { type: "duration", seconds: 0 } }, null],
    [{ duration: -1 }, null],
    [{ duration: "3" }, null],
    [{ duration: 1e300 }, null],
    [{ usage: { type: "tokens", seconds: 3 } }, null],
    [{ text: "x" }, null],
    [undefined, null],
  ])("%j: %s seconds", (answer, seconds) => {
    expect(told("audio/transcriptions", answer)).toBe(seconds);
    expect(told("audio/translations", answer)).toBe(seconds);
  });

  it("of speech is what was sent, and of tokens nothing", () => {
    expect(told("audio/speech", undefined, { input: "Hello" })).toBe(5);
    expect(told("chat/completions", { data: [1], duration: 3 })).toBeNull();
  });
});

describe("what is reserved", () => {
  const body = fc.record(
    {
      n: fc.integer({ min: 1, max: 128 }),
      size: fc.constantFrom("auto", "1024x1024", "1024x1792"),
      quality: fc.constantFrom("auto", "standard", "hd"),
      input: fc.string({ unit: "binary" }),
      instructions: fc.string(),
    },
    { requiredKeys: ["input"] },
  );
  const prices = fc.record(
    {
      perImage: fc.double({ min: 0, max: 1_000, noNaN: true }),
      perMillionCharacters: fc.double({ min: 0, max: 1_000, noNaN: true }),
    },
    { requiredKeys: [] },
  );
  const operation = fc.constantFrom(
    ["images/generations", "dall-e-3"] as const,
    ["audio/speech", "tts-hd"] as const,
  );

  it("is never less than what is settled, for every answer that keeps to what was asked", () => {
    fc.assert(
      fc.property(operation, body, prices, fc.nat(), ([name, model], sent, own, drawnPictures) => {
        const units = asked(name, sent, model, own);
        if (units?.atMost == null) throw new Error("not bounded");
        const data = Array.from({ length: 1 + (drawnPictures % units.atMost || 0) });
        const reserved = unitsNanoUsd(units, units.atMost) ?? Number.NaN;
        const settled = unitsNanoUsd(units, told(name, { data }, sent)) ?? Number.NaN;
        expect(settled).toBeLessThanOrEqual(reserved);
      }),
    );
  });

  it("is rounded up, exactly, whatever the price", () => {
    fc.assert(
      fc.property(fc.nat(1_000_000), fc.maxSafeNat(), (count, picoUsdPerUnit) => {
        const exact = (BigInt(count) * BigInt(picoUsdPerUnit) + 999n) / 1_000n;
        const most = BigInt(Number.MAX_SAFE_INTEGER);
        const nano = unitsNanoUsd({ picoUsdPerUnit }, count);
        expect(BigInt(nano ?? -1)).toBe(exact > most ? most : exact);
      }),
    );
  });
});
