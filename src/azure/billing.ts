/** What an answer of Azure that is not a success costs: which statuses are billed is Azure's rule, not ours. */
import { isJsonObject } from "../kernel/json.ts";
import type { Usage } from "../quota/contracts.ts";

/** How a call ends for its reservation, before its price is looked at; the kinds are those of `Settle`. */
export type Billing =
  | { readonly kind: "used"; readonly usage: Usage }
  | { readonly kind: "as_reserved" }
  | { readonly kind: "released" };

/**
 * Azure bills a prompt that its content filter refused (content-streaming documentation); other errors are free.
 * @param promptTokens the reserved bound: Azure reports no usage with an error.
 */
export function settlementOfError(answer: unknown, promptTokens: number | null): Billing {
  const error = isJsonObject(answer) ? answer.error : undefined;
  if (!isJsonObject(error) || error.code !== "content_filter") return { kind: "released" };
  if (promptTokens === null) return { kind: "as_reserved" };
  return {
    kind: "used",
    usage: { promptTokens, cachedPromptTokens: 0, completionTokens: 0, totalTokens: promptTokens },
  };
}
