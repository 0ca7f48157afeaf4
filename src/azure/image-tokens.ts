/**
 * What an image costs in prompt tokens, by model. A model that is not listed has no bound: the same image costs thirty
 * times as much on one model as on another.
 */
import type { ImageSize } from "./image-size.ts";

/**
 * Collected on this day from Azure's documentation, OpenAI's guide on images, and the constants of
 * jamesmcroft/openai-image-token-calculator (MIT). `gpt-5.4-mini` and `gpt-5.4-nano` are left out: they were seen to
 * count an image in line as the text of its base64 (community.openai.com, topic 1380539).
 */
export const IMAGE_TOKENS_AS_OF = "2026-11-22";

/** Fitted into 2,048 × 2,048, the shortest side scaled down to 768, then counted in squares of 512. */
interface Tiles {
  readonly base: number;
  readonly tile: number;
}

/** Counted in squares of 32; beyond the budget the image is scaled down to it. */
interface Patches {
  readonly budget: number;
  /** The budget of `detail: original`, which `auto` may choose. */
  readonly originalBudget?: number;
  readonly factor: number;
}

const imageTable: Readonly<Record<string, Tiles | Patches>> = {
  "gpt-4o": { base: 85, tile: 170 },
  "gpt-4o-mini": { base: 2_833, tile: 5_667 },
  "gpt-4.1": { base: 85, tile: 170 },
  "gpt-4.1-mini": { budget: 1_536, factor: 1.62 },
  "gpt-4.1-nano": { budget: 1_536, factor: 2.46 },
  "gpt-5": { base: 70, tile: 140 },
  "gpt-5.1": { base: 70, tile: 140 },
  "gpt-5.2": { budget: 1_536, factor: 1 },
  "gpt-5.3": { budget: 1_536, factor: 1 },
  "gpt-5.4": { budget: 2_500, originalBudget: 10_000, factor: 1 },
  "gpt-5.5": { budget: 2_500, originalBudget: 10_000, factor: 1 },
  o1: { base: 75, tile: 150 },
  o3: { base: 75, tile: 150 },
  "o4-mini": { budget: 1_536, factor: 1.72 },
  "computer-use-preview": { base: 65, tile: 129 },
};

export interface PromptImage {
  /** Null = not known, as for an image that Azure fetches. */
  readonly size: ImageSize | null;
  /** As the caller wrote it; null = left to the model. */
  readonly detail: string | null;
}

/** What may follow a row's name: the model's version. `-mini` is another model. */
const version = /-\d{4}-\d{2}-\d{2}$/;

/** An upper bound; null where the model is not listed. */
export function imageTokens(modelName: string, image: PromptImage): number | null {
  const name = modelName.toLowerCase().replace(version, "");
  const row = Object.hasOwn(imageTable, name) ? imageTable[name] : undefined;
  if (row === undefined) return null;
  return "tile" in row ? tileTokens(row, image) : patchTokens(row, image);
}

const FIT = 2_048;
const SHORTEST = 768;
const TILE = 512;
const MOST_TILES = (FIT / TILE) * Math.ceil(SHORTEST / TILE);

function tileTokens({ base, tile }: Tiles, { size, detail }: PromptImage): number {
  if (detail === "low") return base;
  return base + tile * (size === null ? MOST_TILES : tilesOf(size));
}

function tilesOf({ width, height }: ImageSize): number {
  const fitted = Math.min(1, FIT / Math.max(width, height));
  const scale = fitted * Math.min(1, SHORTEST / (Math.min(width, height) * fitted));
  const tiles = Math.ceil((width * scale) / TILE) * Math.ceil((height * scale) / TILE);
  // Rounding may find a tile more than there can be.
  return Math.min(tiles, MOST_TILES);
}

const PATCH = 32;
/** These say that the image is scaled down to the smaller budget at least. */
const scaledDown = new Set(["low", "high"]);

function patchTokens(
  { budget, originalBudget = budget, factor }: Patches,
  { size, detail }: PromptImage,
): number {
  const most = detail !== null && scaledDown.has(detail) ? budget : originalBudget;
  const patches =
    size === null ? most : Math.min(most, Math.ceil(size.width / PATCH) * Math.ceil(size.height / PATCH));
  return Math.ceil(patches * factor);
}
