/**
 * Usage as Azure reports it, in its two spellings; sound is also told by the second, which is no number of tokens. What is not a well-formed report is no report, never zero. Read by
 * hand: it is a few numbers in every answer, and a schema takes longer over them than the rest of metering together.
 */
import { isJsonObject } from "../kernel/json.ts";
import type { Usage } from "../quota/contracts.ts";
import type { Operation } from "./operation.ts";

function inputAndOutput(usage: unknown): Usage | null {
  if (!isJsonObject(usage)) return null;
  const { input_tokens, input_tokens_details, output_tokens, total_tokens } = usage;
  return reported(input_tokens, input_tokens_details, output_tokens, total_tokens);
}

const readers = {
  openai: (usage: unknown): Usage | null => {
    if (!isJsonObject(usage)) return null;
    // Embeddings report no completion at all.
    const { prompt_tokens, prompt_tokens_details, completion_tokens = 0, total_tokens } = usage;
    return reported(prompt_tokens, prompt_tokens_details, completion_tokens, total_tokens);
  },
  responses: inputAndOutput,
  media: inputAndOutput,
} as const satisfies Record<Operation["usage"], (usage: unknown) => Usage | null>;

/** The total counts whatever it leaves out of its parts; a cache hit that is not well told is none, which costs more. */
function reported(
  promptTokens: unknown,
  promptDetails: unknown,
  completionTokens: unknown,
  totalTokens: unknown,
): Usage | null {
  if (!isCount(promptTokens) || !isCount(completionTokens) || !isCount(totalTokens)) return null;
  const cached = isJsonObject(promptDetails) ? promptDetails.cached_tokens : undefined;
  return {
    promptTokens,
    cachedPromptTokens: isCount(cached) ? Math.min(cached, promptTokens) : 0,
    completionTokens,
    totalTokens: Math.max(totalTokens, promptTokens + completionTokens),
  };
}

/** Beyond 2^53 a number is not known exactly. */
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;

/** Of a whole JSON answer. */
export const usageOfAnswer = (operation: Operation, answer: unknown): Usage | null =>
  isJsonObject(answer) ? readers[operation.usage](answer.usage) : null;

/** Of one streamed event's data: Responses carry it inside their terminal event. */
export function usageOfEvent(operation: Operation, event: unknown): Usage | null {
  if (!isJsonObject(event)) return null;
  if (operation.usage !== "responses") return readers[operation.usage](event.usage);
  return isJsonObject(event.response) ? readers.responses(event.response.usage) : null;
}

export const addedUsage = (one: Usage, other: Usage): Usage => ({
  promptTokens: one.promptTokens + other.promptTokens,
  cachedPromptTokens: one.cachedPromptTokens + other.cachedPromptTokens,
  completionTokens: one.completionTokens + other.completionTokens,
  totalTokens: one.totalTokens + other.totalTokens,
});
