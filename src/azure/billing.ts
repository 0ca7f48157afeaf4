/** What an answer of Azure that is not a success costs: which statuses are billed is Azure's rule, not ours. */
import { isJsonObject } from "../kernel/json.ts";
import type { Usage } from "../quota/contracts.ts";
import type { Operation } from "./operation.ts";

/** How a call ends for its reservation, before its price is looked at; the kinds are those of `Settle`. */
export type Billing = Billed | { readonly kind: "released" };

/** `units`: how much there was of what the call is billed by instead of tokens, where that is known. */
type Billed =
  | { readonly kind: "used"; readonly usage: Usage; readonly units?: number }
  /** Of tokens nothing was told. */
  | { readonly kind: "as_reserved"; readonly units?: number };

/** Of an answer that is a success. @param units null = not told. */
export function settlementOfAnswer(usage: Usage | null, units: number | null): Billing {
  const billed: Billed = usage ? { kind: "used", usage } : { kind: "as_reserved" };
  return units === null ? billed : { ...billed, units };
}

/** Azure did not take what the gateway proves itself with. */
export const isCredentialRefused = (status: number): boolean => status === 401 || status === 403;

/**
 * Whether an answer says that this backend cannot serve the call now, and another one may: it refuses the gateway's
 * credential, is at its limit, or is ill. Azure bills none of these, whatever stands in their bodies.
 */
export const isUnbilledFailure = (status: number): boolean =>
  isCredentialRefused(status) || status === 429 || status >= 500;

/** The content filter's, in the spellings of chat and of images. */
const filterCodes: ReadonlySet<unknown> = new Set([
  "content_filter",
  "contentFilter",
  "content_policy_violation",
  "moderation_blocked",
]);

/**
 * Azure bills a prompt that its content filter refused (content-streaming documentation); other errors are free.
 * @param promptTokens the reserved bound: Azure reports no usage with an error.
 */
export function settlementOfError(
  { filteredCosts }: Pick<Operation, "filteredCosts">,
  status: number,
  answer: unknown,
  promptTokens: number | null,
): Billing {
  if (isUnbilledFailure(status)) return { kind: "released" };
  const error = isJsonObject(answer) ? answer.error : undefined;
  if (!isJsonObject(error) || !filterCodes.has(error.code)) return { kind: "released" };
  if (promptTokens === null || filteredCosts === "as_reserved") return { kind: "as_reserved" };
  return {
    kind: "used",
    usage: { promptTokens, cachedPromptTokens: 0, completionTokens: 0, totalTokens: promptTokens },
  };
}
