/** Usage as images and sound report it; the Responses API spells it so too. */
import type { UsageRule } from "./generation.ts";

export interface MediaUsage {
  readonly textTokens: number;
  /** Of pictures or sound. */
  readonly mediaTokens: number;
  readonly outputTokens: number;
}

/** Undefined where a fault withholds it. */
export function appliedUsage(rule: UsageRule, counted: MediaUsage): MediaUsage | undefined {
  switch (rule.kind) {
    case "counted":
      return counted;
    case "none":
      return undefined;
    case "debt":
      return { ...counted, outputTokens: counted.outputTokens + rule.extraTokens };
    case "fixed":
      return { textTokens: rule.promptTokens, mediaTokens: 0, outputTokens: rule.completionTokens };
  }
}

export const usageTotals = ({ textTokens, mediaTokens, outputTokens }: MediaUsage) => ({
  input_tokens: textTokens + mediaTokens,
  output_tokens: outputTokens,
  total_tokens: textTokens + mediaTokens + outputTokens,
});
