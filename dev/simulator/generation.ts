/**
 * The simulated model: a deterministic sentence about the prompt, cut to the bound that was asked for, and
 * the usage that belongs to it. Adjustments come from faults.
 */
import type { Ask } from "./ask.ts";
import type { SimulatedDeployment } from "./simulated-deployment.ts";
import { splitTokens } from "./token-count.ts";

export interface TokenUsage {
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly cachedTokens: number;
  readonly reasoningTokens: number;
}

export type UsageRule =
  | { readonly kind: "counted" }
  | { readonly kind: "none" }
  | { readonly kind: "debt"; readonly extraTokens: number }
  | ({ readonly kind: "fixed" } & TokenUsage);

export interface ToolCall {
  readonly name: string;
  readonly arguments: string;
}

export interface Adjustments {
  readonly text: string | undefined;
  readonly toolCall: ToolCall | undefined;
  readonly isOutputFiltered: boolean;
  readonly usageRule: UsageRule;
}

export interface Choice {
  /** Of what it says; where it calls a function, of the call's arguments. */
  readonly tokens: readonly string[];
  readonly finish: "stop" | "length" | "content_filter" | "tool_calls";
  readonly toolCall: ToolCall | undefined;
}

export interface Generation {
  readonly choices: readonly Choice[];
  /** Absent where a fault withholds it. */
  readonly usage: TokenUsage | undefined;
}

/** What a reasoning deployment thinks before it speaks, if its bound leaves room. */
const hiddenTokens = 64;
const maxEchoedTokens = 40;

export function echoSentence(prompt: string): string {
  const heard = splitTokens(prompt.trim()).slice(0, maxEchoedTokens).join("");
  return `You said: "${heard}". This is the simulator speaking.`;
}

function speak(text: string, room: number, isFiltered: boolean, toolCall: ToolCall | undefined): Choice {
  const tokens = splitTokens(toolCall?.arguments ?? text);
  const kept = tokens.slice(0, room);
  if (isFiltered) {
    return { tokens: kept.slice(0, Math.ceil(kept.length / 2)), finish: "content_filter", toolCall };
  }
  const whole = toolCall ? "tool_calls" : "stop";
  return { tokens: kept, finish: kept.length < tokens.length ? "length" : whole, toolCall };
}

export function generate(ask: Ask, deployment: SimulatedDeployment, adjustments: Adjustments): Generation {
  const hidden = deployment.reasoning ? Math.min(hiddenTokens, ask.maxOutputTokens) : 0;
  const choices = ask.echoes.map((echo) =>
    speak(
      adjustments.text ?? echoSentence(echo),
      ask.maxOutputTokens - hidden,
      adjustments.isOutputFiltered,
      adjustments.toolCall,
    ),
  );
  const answers = choices.reduce((sum, choice) => sum + choice.tokens.length + hidden, 0);
  // Answers that `best_of` discards are billed as well; here they are as long as the average of the kept.
  const completionTokens = Math.ceil((answers * ask.generated) / choices.length);
  return {
    choices,
    usage: applyUsageRule(
      adjustments.usageRule,
      {
        promptTokens: ask.promptTokens,
        completionTokens,
        cachedTokens: 0,
        reasoningTokens: hidden * ask.generated,
      },
      ask.maxOutputTokens * ask.generated,
    ),
  };
}

function applyUsageRule(rule: UsageRule, counted: TokenUsage, allowedTokens: number): TokenUsage | undefined {
  switch (rule.kind) {
    case "counted":
      return counted;
    case "none":
      return undefined;
    case "debt":
      return { ...counted, completionTokens: allowedTokens + rule.extraTokens };
    case "fixed":
      return rule;
  }
}

/** Embeddings have no output, so debt lands on the prompt. */
export function embeddingUsage(promptTokens: number, rule: UsageRule): number | undefined {
  switch (rule.kind) {
    case "counted":
      return promptTokens;
    case "none":
      return undefined;
    case "debt":
      return promptTokens + rule.extraTokens;
    case "fixed":
      return rule.promptTokens;
  }
}

/** The usage object of chat and completions. */
export function usageBody(usage: TokenUsage): object {
  return {
    completion_tokens: usage.completionTokens,
    completion_tokens_details: {
      accepted_prediction_tokens: 0,
      audio_tokens: 0,
      reasoning_tokens: usage.reasoningTokens,
      rejected_prediction_tokens: 0,
    },
    prompt_tokens: usage.promptTokens,
    prompt_tokens_details: { audio_tokens: 0, cached_tokens: usage.cachedTokens },
    total_tokens: usage.promptTokens + usage.completionTokens,
  };
}
