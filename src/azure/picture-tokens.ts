/**
 * How many tokens a generated picture has, at most, by model, size and quality. What a request leaves to the model counts
 * as the most that it may choose; a model, a size or a quality that is not listed has no bound.
 */
import type { JsonObject } from "../kernel/json.ts";

/**
 * Collected on this day from OpenAI's guide on image generation, and held against the prices per picture in LiteLLM's
 * table (`azure/<quality>/<size>/gpt-image-1-mini`), which are these numbers times the price of a token. Later models
 * answer in tokens of text as well, which nothing bounds.
 */
export const PICTURE_TOKENS_AS_OF = "2026-11-29";

const listed: ReadonlySet<string> = new Set(["gpt-image-1", "gpt-image-1-mini"]);

const bySizeAndQuality: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  "1024x1024": { low: 272, medium: 1_056, high: 4_160 },
  "1024x1536": { low: 408, medium: 1_584, high: 6_240 },
  "1536x1024": { low: 400, medium: 1_568, high: 6_208 },
};

/** Each unfinished picture of a stream. */
const PARTIAL_TOKENS = 100;

/** These make more than one picture, or something else. */
const unbounded = ["frame_count", "frame_duration_ms", "complexity"];

/** Of one picture; null = no bound. */
export function pictureTokens(modelName: string, body: JsonObject): number | null {
  if (!listed.has(modelName.toLowerCase())) return null;
  if (unbounded.some((name) => isStated(body[name]))) return null;
  const sizes = chosen(bySizeAndQuality, body.size);
  const tokens = sizes?.map((byQuality) => most(chosen(byQuality, body.quality)));
  const whole = tokens?.includes(null) ? null : most(tokens);
  const partial = body.partial_images ?? 0;
  return whole === null || typeof partial !== "number" ? null : whole + partial * PARTIAL_TOKENS;
}

/** What may be chosen: everything where nothing is stated; undefined where what is stated is not listed. */
function chosen<T>(table: Readonly<Record<string, T>>, stated: unknown): readonly T[] | undefined {
  if (!isStated(stated) || stated === "auto") return Object.values(table);
  const one = typeof stated === "string" && Object.hasOwn(table, stated) ? table[stated] : undefined;
  return one === undefined ? undefined : [one];
}

const most = (tokens: readonly (number | null)[] | undefined): number | null =>
  tokens === undefined ? null : Math.max(...tokens.map((count) => count ?? 0));

const isStated = (value: unknown): boolean => value !== undefined && value !== null;
