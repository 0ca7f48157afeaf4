/**
 * List prices of Azure OpenAI models, in USD per million tokens. Published lists change without notice and contracts
 * differ: a deployment's own `prices` come first, and a model that is not listed has no price until they are set.
 */

/**
 * Collected on this day from LiteLLM's public price table and its derivatives (Azure entries, `global` where they
 * differ); Azure's retail price API names no Azure OpenAI prices. Rows of pictures and sound on 2026-11-29.
 */
export const PRICES_AS_OF = "2026-08-23";

export interface PriceRow {
  /** Of pictures and sound, where they cost more than text: the dearer, whatever the prompt was made of. */
  readonly input: number;
  /** Absent = prompts from the cache cost as much as others. */
  readonly cachedInput?: number;
  /** Absent = like `input`. */
  readonly cacheWrite?: number;
  /** Null = not known; embeddings have none. */
  readonly output: number | null;
}

/** Pay as you go, processed anywhere (`GlobalStandard`). */
export const globalPrices: Readonly<Record<string, PriceRow>> = {
  "gpt-4o": { input: 2.5, cachedInput: 1.25, output: 10 },
  "gpt-4o-2024-05-13": { input: 5, output: 15 },
  "gpt-4o-mini": { input: 0.15, cachedInput: 0.075, output: 0.6 },
  "gpt-4.1": { input: 2, cachedInput: 0.5, output: 8 },
  "gpt-4.1-mini": { input: 0.4, cachedInput: 0.1, output: 1.6 },
  "gpt-4.1-nano": { input: 0.1, cachedInput: 0.025, output: 0.4 },
  "gpt-5": { input: 1.25, cachedInput: 0.125, output: 10 },
  "gpt-5-mini": { input: 0.25, cachedInput: 0.025, output: 2 },
  "gpt-5-nano": { input: 0.05, cachedInput: 0.005, output: 0.4 },
  "gpt-5.1": { input: 1.25, cachedInput: 0.125, output: 10 },
  "gpt-5.2": { input: 1.75, cachedInput: 0.175, output: 14 },
  "gpt-5.2-chat": { input: 1.75, cachedInput: 0.175, output: 14 },
  "gpt-5.4": { input: 2.5, cachedInput: 0.25, output: 15 },
  "gpt-5.4-mini": { input: 0.75, output: null },
  "gpt-5.4-nano": { input: 0.2, output: null },
  "gpt-5.5": { input: 5, output: null },
  "gpt-5.6-sol": { input: 4, cachedInput: 0.4, cacheWrite: 5, output: 20 },
  "gpt-5.6-terra": { input: 2, cachedInput: 0.2, cacheWrite: 2.5, output: 12 },
  o3: { input: 2, cachedInput: 0.5, output: 8 },
  "o4-mini": { input: 1.1, cachedInput: 0.28, output: 4.4 },
  "text-embedding-3-small": { input: 0.02, output: null },
  "text-embedding-3-large": { input: 0.13, output: null },
  // Models that answer in tokens of two prices (gpt-image-1.5, gpt-image-2) have none here; those that are billed by the
  // picture, the minute or the character are in unit-price-table.ts.
  "gpt-image-1": { input: 10, output: 40 },
  "gpt-image-1-mini": { input: 2.5, output: 8 },
  "gpt-4o-transcribe": { input: 6, output: 10 },
  "gpt-4o-mini-transcribe": { input: 3, output: 5 },
};

/** Processing in a data zone or a single region costs a tenth more, wherever both prices are published. */
export const BOUND_PLACE_PERCENT = 110;
