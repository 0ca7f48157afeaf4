/**
 * The top-level parameters of requests whose value is a number and no bound of the output. Reviewed against the openai
 * package 7.57.0.
 */
import type { JsonObject } from "../kernel/json.ts";

export const numericParameters: readonly string[] = [
  "best_of",
  "dimensions",
  "frame_count",
  "frame_duration_ms",
  "frequency_penalty",
  "logprobs",
  "max_tool_calls",
  "n",
  "output_compression",
  "partial_images",
  "presence_penalty",
  "seed",
  "speed",
  "temperature",
  "top_logprobs",
  "top_p",
];

/** What a body says of them; null where that is no number. `logprobs` of chat is a switch, and no number to compare. */
export function statedParameters(body: JsonObject): Readonly<Record<string, number | null>> {
  const stated: Record<string, number | null> = {};
  for (const name of numericParameters) {
    const value = body[name];
    if (value === undefined || value === null) continue;
    if (name === "logprobs" && typeof value === "boolean") continue;
    stated[name] = typeof value === "number" ? value : null;
  }
  return stated;
}
