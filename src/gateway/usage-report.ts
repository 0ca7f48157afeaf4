/** `/v1/enforce/{decisionId}/usage`: what a call has used that its caller made itself. */
import * as z from "zod";
import { DecisionId } from "../kernel/ids.ts";
import { refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import type { Usage } from "../quota/contracts.ts";

const tokens = z.int().min(0).max(100_000_000);

export const UsageReport = z.strictObject({
  /** A token of the agent that asked: not the same one, since that may have run out by now. */
  capabilityToken: z.string().min(1).max(16_384),
  promptTokens: tokens.optional(),
  /** Of the prompt tokens, those that Azure read from its cache. */
  cachedPromptTokens: tokens.optional(),
  completionTokens: tokens.optional(),
  /** Absent: prompt and completion together. */
  totalTokens: tokens.optional(),
  /** Azure was never reached: nothing is charged. */
  released: z.literal(true).optional(),
});
export type UsageReport = z.infer<typeof UsageReport>;

export const UsageReply = z.strictObject({
  decisionId: DecisionId,
  /** `corrected`: the decision had been charged in full before this report came. */
  outcome: z.enum(["settled", "corrected"]),
  charged: z.strictObject({
    requests: z.int().min(0),
    tokens: z.int().min(0),
    /** Null where no price is known. */
    costNanoUsd: z.int().min(0).nullable(),
  }),
});
export type UsageReply = z.infer<typeof UsageReply>;

export type Reported = { readonly kind: "used"; readonly usage: Usage } | { readonly kind: "released" };

export function reportedUsage(report: UsageReport): Result<Reported> {
  const { released, promptTokens, cachedPromptTokens = 0, completionTokens = 0 } = report;
  if (released) {
    const counted = countedMembers.find((member) => report[member] !== undefined);
    return counted === undefined
      ? ok({ kind: "released" })
      : meaningless(counted, "A call that never reached Azure has used nothing.");
  }
  if (promptTokens === undefined) {
    const message = "Either `promptTokens` or `released` must be given.";
    return fail(refuse("body_invalid", { field: "promptTokens", message }));
  }
  const parts = promptTokens + completionTokens;
  const { totalTokens = parts } = report;
  if (cachedPromptTokens > promptTokens)
    return meaningless("cachedPromptTokens", "No more can be cached than the prompt has.");
  if (totalTokens < parts) return meaningless("totalTokens", "The total is less than its parts.");
  return ok({ kind: "used", usage: { promptTokens, cachedPromptTokens, completionTokens, totalTokens } });
}

const countedMembers = ["promptTokens", "cachedPromptTokens", "completionTokens", "totalTokens"] as const;

const meaningless = (field: string, message: string) => fail(refuse("meaningless", { field, message }));
