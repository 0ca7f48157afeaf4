/** What an answer of Azure that is not a success costs: which statuses are billed is Azure's rule, not ours. */
import { isJsonObject } from "../kernel/json.ts";
import type { Settle } from "../quota/contracts.ts";

/**
 * Azure bills a prompt that its content filter refused (content-streaming documentation); other errors are free.
 * @param promptTokens the reserved bound: Azure reports no usage with an error.
 */
export function settlementOfError(answer: unknown, promptTokens: number | null): Settle["outcome"] {
  const error = isJsonObject(answer) ? answer.error : undefined;
  if (!isJsonObject(error) || error.code !== "content_filter") return { kind: "released" };
  if (promptTokens === null) return { kind: "as_reserved" };
  return { kind: "used", usage: { promptTokens, completionTokens: 0, totalTokens: promptTokens } };
}
