/**
 * Which tokenizer a model reads with, and how each cuts text before it merges bytes. A model that is not listed keeps
 * its bytes as the bound: another maker's tokenizer may cut finer. `gpt-oss` is left out, because its chat template
 * puts a long text of its own before the prompt.
 */

export type Encoding = "o200k_base" | "cl100k_base";

/** OpenAI's tiktoken 0.14.0, `model.py`; the longest beginning that fits. */
const encodingsByBeginning: Readonly<Record<string, Encoding>> = {
  "gpt-5": "o200k_base",
  "gpt-4.5": "o200k_base",
  "gpt-4.1": "o200k_base",
  "gpt-4o": "o200k_base",
  "chatgpt-4o": "o200k_base",
  o1: "o200k_base",
  o3: "o200k_base",
  "o4-mini": "o200k_base",
  "gpt-4": "cl100k_base",
  "gpt-3.5-turbo": "cl100k_base",
  "gpt-35-turbo": "cl100k_base",
  "text-embedding-3": "cl100k_base",
  "text-embedding-ada-002": "cl100k_base",
};
const byLength = Object.entries(encodingsByBeginning).toSorted(
  ([left], [right]) => right.length - left.length,
);

/** What may follow a listed beginning: `gpt-4` is no beginning of `gpt-45`. */
const boundary = /^(?:$|[-.])/;

export function encodingOf(modelName: string): Encoding | null {
  const model = modelName.toLowerCase();
  const row = byLength.find(
    ([beginning]) => model.startsWith(beginning) && boundary.test(model.slice(beginning.length)),
  );
  return row?.[1] ?? null;
}

const contraction = "'(?:[sS]|[dD]|[mM]|[tT]|[lL][lL]|[vV][eE]|[rR][eE])";
const upper = String.raw`\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}`;
const lower = String.raw`\p{Ll}\p{Lm}\p{Lo}\p{M}`;

/** The tokenizers' own patterns (tiktoken, MIT): a token never reaches from one piece into the next. */
const piecePatterns: Readonly<Record<Encoding, readonly string[]>> = {
  o200k_base: [
    String.raw`[^\r\n\p{L}\p{N}]?[${upper}]*[${lower}]+(?:${contraction})?`,
    String.raw`[^\r\n\p{L}\p{N}]?[${upper}]+[${lower}]*(?:${contraction})?`,
    String.raw`\p{N}{1,3}`,
    String.raw` ?[^\s\p{L}\p{N}]+[\r\n/]*`,
    String.raw`\s*[\r\n]+`,
    String.raw`\s+(?!\S)`,
    String.raw`\s+`,
  ],
  cl100k_base: [
    contraction,
    String.raw`[^\r\n\p{L}\p{N}]?\p{L}+`,
    String.raw`\p{N}{1,3}`,
    String.raw` ?[^\s\p{L}\p{N}]+[\r\n]*`,
    String.raw`\s+$`,
    String.raw`\s*[\r\n]`,
    String.raw`\s+(?!\S)`,
    String.raw`\s`,
  ],
};

/** Compiled when first used: classes of Unicode are costly, and most isolates never count. */
export const piecePattern = (encoding: Encoding): RegExp =>
  new RegExp(piecePatterns[encoding].join("|"), "gu");
