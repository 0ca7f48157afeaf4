/**
 * How many tokens a generated picture has, at most, by model, size and quality. What a request leaves to the model counts
 * as the most that it may choose; a model, a size or a quality that is not listed has no bound.
 */
import type { JsonObject } from "../kernel/json.ts";
import { asksForFrames, type BySizeAndQuality, mostBySizeAndQuality } from "./picture-choice.ts";

/**
 * Collected on this day from OpenAI's guide on image generation, and held against the prices per picture in LiteLLM's
 * table (`azure/<quality>/<size>/gpt-image-1-mini`), which are these numbers times the price of a token. Later models
 * answer in tokens of text as well, which nothing bounds.
 */
export const PICTURE_TOKENS_AS_OF = "2026-11-29";

const listed: ReadonlySet<string> = new Set(["gpt-image-1", "gpt-image-1-mini"]);

const bySizeAndQuality: BySizeAndQuality = {
  "1024x1024": { low: 272, medium: 1_056, high: 4_160 },
  "1024x1536": { low: 408, medium: 1_584, high: 6_240 },
  "1536x1024": { low: 400, medium: 1_568, high: 6_208 },
};

/** Each unfinished picture of a stream. */
const PARTIAL_TOKENS = 100;

/** Of one picture; null = no bound. */
export function pictureTokens(modelName: string, body: JsonObject): number | null {
  if (!listed.has(modelName.toLowerCase())) return null;
  if (asksForFrames(body)) return null;
  const whole = mostBySizeAndQuality(bySizeAndQuality, body);
  const partial = body.partial_images ?? 0;
  return whole === null || typeof partial !== "number" ? null : whole + partial * PARTIAL_TOKENS;
}
