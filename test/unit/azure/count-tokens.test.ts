// Tokens are counted as the tokenizers count them, whatever the text; where that would take too long, as bytes.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodingOf } from "../../../src/azure/encoding.ts";
import { createTokenCounters } from "../../../src/azure/token-counters.ts";
import {
  anyText,
  encodings,
  judgedTokens,
  loadedEncodings,
  packedRanks,
  tokenCounter,
} from "./tokenizer-fixture.ts";

const bytesOf = (text: string): number => new TextEncoder().encode(text).length;

describe.each(encodings)("%s", (encoding) => {
  it("has the vocabulary that OpenAI publishes", () => {
    const file = createRequire(import.meta.url).resolve(`gpt-tokenizer/data/${encoding}.tiktoken`);
    const published = readFileSync(file, "latin1").trimEnd().split("\n");
    const packed = gunzipSync(packedRanks(encoding));
    const unpacked: string[] = [];
    for (let at = 0; at < packed.length; at += 1 + (packed[at] ?? 0)) {
      const token = packed.subarray(at + 1, at + 1 + (packed[at] ?? 0)).toString("base64");
      unpacked.push(`${token} ${unpacked.length}`);
    }
    // Compared as one text: a difference in 200,000 lines is told better by none of them than by all.
    expect(unpacked.join("\n") === published.join("\n")).toBe(true);
  });

  it("counts any text as the tokenizer does", async () => {
    const count = await tokenCounter(encoding);
    fc.assert(
      fc.property(anyText, (text) => {
        expect(count(text)).toBe(judgedTokens(encoding, text));
      }),
      { numRuns: 1_000 },
    );
  });

  it("counts what looks like a special token as its own text", async () => {
    const count = await tokenCounter(encoding);
    for (const text of ["<|endoftext|>", "<|im_start|>system<|im_sep|>", "a <|fim_prefix|> b"]) {
      expect(count(text)).toBe(judgedTokens(encoding, text));
      expect(count(text)).toBeGreaterThan(3);
    }
  });

  it("counts long runs as no less than the tokenizer and no more than their bytes", async () => {
    const count = await tokenCounter(encoding);
    const run = fc.tuple(
      fc.constantFrom("a", "A", "é", "水", "🙂", " ", "\n", "-", "ab", "a1"),
      fc.nat({ max: 900 }),
    );
    fc.assert(
      fc.property(fc.array(run, { minLength: 1, maxLength: 3 }), (runs) => {
        const text = runs.map(([character, times]) => character.repeat(times)).join("");
        expect(count(text)).toBeGreaterThanOrEqual(judgedTokens(encoding, text));
        expect(count(text)).toBeLessThanOrEqual(bytesOf(text));
      }),
    );
  });

  it("takes a million of the same character for their bytes", async () => {
    const count = await tokenCounter(encoding);
    expect(count("a".repeat(1_000_000))).toBe(1_000_000);
    expect(count("水".repeat(100_000))).toBe(300_000);
  });
});

describe("the vocabularies", () => {
  it("are read once each, however many ask at once", async () => {
    await Promise.all(encodings.flatMap((encoding) => [tokenCounter(encoding), tokenCounter(encoding)]));
    expect([...loadedEncodings()].sort()).toEqual([...encodings].sort());
  });

  it("are read again when they could not be", async () => {
    let tries = 0;
    const load = async () => {
      tries += 1;
      if (tries === 1) throw new Error("unread");
      return packedRanks("cl100k_base").buffer;
    };
    const counter = createTokenCounters({ o200k_base: load, cl100k_base: load });
    await expect(counter("cl100k_base")).rejects.toThrow("unread");
    expect((await counter("cl100k_base"))("Hello")).toBe(1);
  });
});

describe("a model's encoding", () => {
  it.each([
    ["gpt-4o", "o200k_base"],
    ["gpt-4o-2024-11-20", "o200k_base"],
    ["gpt-4o-mini", "o200k_base"],
    ["GPT-4.1-nano", "o200k_base"],
    ["gpt-5.4-mini", "o200k_base"],
    ["o3-mini", "o200k_base"],
    ["gpt-4", "cl100k_base"],
    ["gpt-4-32k", "cl100k_base"],
    ["gpt-4-turbo-2024-04-09", "cl100k_base"],
    ["gpt-35-turbo-16k", "cl100k_base"],
    ["text-embedding-3-small", "cl100k_base"],
    ["text-embedding-ada-002", "cl100k_base"],
    ["gpt-45", null],
    ["gpt-oss-120b", null],
    ["mistral-large", null],
    ["", null],
  ])("of %j is %j", (model, encoding) => {
    expect(encodingOf(model)).toBe(encoding);
  });
});
