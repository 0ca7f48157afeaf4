/**
 * What tokens, pictures, characters and seconds cost, as a whole number of nano-USD, rounded up. Prices are whole
 * pico-USD of one, because a token's is often a fraction of a nano-USD; products are kept apart by unit so that all of it
 * stays exact.
 */
import type { Usage } from "../quota/contracts.ts";
import type { AskedUnits } from "./unit.ts";

/** Pico-USD per token; 1 USD per million tokens is 1,000,000. */
export interface TokenPrice {
  /** The dearer of reading a prompt and writing it to the cache: usage does not tell which tokens were written. */
  readonly inputPicoUsd: number;
  readonly cachedInputPicoUsd: number;
  /** Null = unknown. */
  readonly outputPicoUsd: number | null;
}

const PICO_PER_NANO = 1_000;

/** Null where the price of what was used is not known. */
export function costNanoUsd(price: TokenPrice | null, usage: Usage): number | null {
  if (price === null) return null;
  const { promptTokens, completionTokens, totalTokens } = usage;
  const cachedPromptTokens = Math.min(usage.cachedPromptTokens, promptTokens);
  const { inputPicoUsd, cachedInputPicoUsd, outputPicoUsd } = price;
  const unnamedTokens = Math.max(0, totalTokens - promptTokens - completionTokens);
  if (outputPicoUsd === null && completionTokens + unnamedTokens > 0) return null;
  return costOfParts([
    [promptTokens - cachedPromptTokens, inputPicoUsd],
    [cachedPromptTokens, cachedInputPicoUsd],
    [completionTokens, outputPicoUsd ?? 0],
    // What the total holds beyond its parts could be either.
    [unnamedTokens, Math.max(inputPicoUsd, outputPicoUsd ?? 0)],
  ]);
}

/** What a reservation holds: nothing is cached, and every choice is as long as it may be. */
export interface BoundedTokens {
  readonly promptTokens: number;
  readonly outputTokens: number;
  /** Tokens of which nobody said whether they are prompt or output. */
  readonly unnamedTokens: number;
}

export const boundNanoUsd = (
  price: TokenPrice | null,
  { promptTokens, outputTokens, unnamedTokens }: BoundedTokens,
): number | null =>
  costNanoUsd(price, {
    promptTokens,
    cachedPromptTokens: 0,
    completionTokens: outputTokens,
    totalTokens: promptTokens + outputTokens + unnamedTokens,
  });

/** Null where their price or their number is not known. */
export const unitsNanoUsd = (
  { picoUsdPerUnit }: Pick<AskedUnits, "picoUsdPerUnit">,
  count: number | null,
): number | null =>
  picoUsdPerUnit === null || count === null ? null : costOfParts([[count, picoUsdPerUnit]]);

type Part = readonly [count: number, picoUsdEach: number];

function costOfParts(parts: readonly Part[]): number {
  let nano = 0;
  let pico = 0;
  for (const [count, price] of parts) {
    nano += count * Math.floor(price / PICO_PER_NANO);
    pico += count * (price % PICO_PER_NANO);
  }
  // No call comes near the end of exact integers; one that says it did has room in no budget.
  const exact = Number.isSafeInteger(nano) && Number.isSafeInteger(pico);
  return exact
    ? Math.min(nano + Math.ceil(pico / PICO_PER_NANO), Number.MAX_SAFE_INTEGER)
    : Number.MAX_SAFE_INTEGER;
}
