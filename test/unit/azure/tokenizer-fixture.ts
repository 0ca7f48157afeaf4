// The vocabularies as they lie in the source, and gpt-tokenizer as the judge of what is counted with them.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { countTokens as countCl100k } from "gpt-tokenizer/encoding/cl100k_base";
import { countTokens as countO200k } from "gpt-tokenizer/encoding/o200k_base";
import type { Encoding } from "../../../src/azure/encoding.ts";
import { createTokenCounters } from "../../../src/azure/token-counters.ts";

export const encodings: readonly Encoding[] = ["o200k_base", "cl100k_base"];

export const packedRanks = (encoding: Encoding): Uint8Array<ArrayBuffer> =>
  new Uint8Array(readFileSync(join(import.meta.dirname, `../../../src/azure/token-ranks/${encoding}.bin`)));

const loads: Encoding[] = [];
export const tokenCounter = createTokenCounters({
  o200k_base: async () => loaded("o200k_base"),
  cl100k_base: async () => loaded("cl100k_base"),
});
/** Which vocabularies were read, and how often. */
export const loadedEncodings = (): readonly Encoding[] => loads;

function loaded(encoding: Encoding): ArrayBuffer {
  loads.push(encoding);
  return packedRanks(encoding).buffer;
}

const judges = { o200k_base: countO200k, cl100k_base: countCl100k };

/** Special tokens as the text they are. */
export const judgedTokens = (encoding: Encoding, text: string): number =>
  judges[encoding](text.toWellFormed(), { disallowedSpecial: new Set() });

const word = fc.constantFrom(
  ...[
    "toll",
    "Übung",
    "水门很高",
    "ประตู",
    "🙂",
    "👩‍👩‍👧",
    "'LL",
    "it's",
    "12345",
    "٣٤٥٦",
    "<|endoftext|>",
    "<|im_start|>",
  ],
  ...[
    "ABC",
    "aBc",
    "\r\n",
    "\n\n ",
    "  ",
    "\t",
    "\u00a0",
    "!!!",
    "//\n",
    '{"a":1}',
    "\ud800",
    "e\u0301",
    "\u0000",
  ],
);
/** Words of many scripts, code, spaces, what looks like special tokens, and anything at all. */
export const anyText: fc.Arbitrary<string> = fc.oneof(
  fc.array(word, { maxLength: 30 }).map((words) => words.join("")),
  fc.array(word, { maxLength: 30 }).map((words) => words.join(" ")),
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.string({ unit: "grapheme", maxLength: 60 }),
);
