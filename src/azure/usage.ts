/** Usage as Azure reports it, in its two spellings. What is not a well-formed report is no report, never zero. */
import * as z from "zod";
import { isJsonObject } from "../kernel/json.ts";
import type { Usage } from "../quota/contracts.ts";
import type { Operation } from "./operation.ts";

const count = z.int().min(0);

const OpenAiUsage = z.object({
  prompt_tokens: count,
  completion_tokens: count.default(0),
  total_tokens: count,
});
const ResponsesUsage = z.object({ input_tokens: count, output_tokens: count, total_tokens: count });

const readers = {
  openai: (usage: unknown): Usage | null => {
    const parsed = OpenAiUsage.safeParse(usage);
    if (!parsed.success) return null;
    const { prompt_tokens, completion_tokens, total_tokens } = parsed.data;
    return reported(prompt_tokens, completion_tokens, total_tokens);
  },
  responses: (usage: unknown): Usage | null => {
    const parsed = ResponsesUsage.safeParse(usage);
    if (!parsed.success) return null;
    const { input_tokens, output_tokens, total_tokens } = parsed.data;
    return reported(input_tokens, output_tokens, total_tokens);
  },
} as const satisfies Record<Operation["usage"], (usage: unknown) => Usage | null>;

/** The total counts whatever it leaves out of its parts. */
const reported = (promptTokens: number, completionTokens: number, totalTokens: number): Usage => ({
  promptTokens,
  completionTokens,
  totalTokens: Math.max(totalTokens, promptTokens + completionTokens),
});

/** Of a whole JSON answer. */
export const usageOfAnswer = (operation: Operation, answer: unknown): Usage | null =>
  isJsonObject(answer) ? readers[operation.usage](answer.usage) : null;

/** Of one streamed event's data: Responses carry it inside their terminal event. */
export function usageOfEvent(operation: Operation, event: unknown): Usage | null {
  if (!isJsonObject(event)) return null;
  if (operation.usage === "openai") return readers.openai(event.usage);
  return isJsonObject(event.response) ? readers.responses(event.response.usage) : null;
}
