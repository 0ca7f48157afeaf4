/**
 * The surface: every path of Azure OpenAI that the gateway serves, as data. What is not in this table is refused.
 * Classic paths name the deployment in the path (the body's `model` selects nothing there); v1 paths in the body.
 */
import type { Action } from "../policy/action.ts";

export type OperationName = "chat/completions" | "completions" | "embeddings" | "responses";

export interface Operation {
  readonly name: OperationName;
  readonly action: Action;
  readonly classic: boolean;
  readonly v1: boolean;
  /** Body fields that bound the output tokens; none = no output. */
  readonly outputParameters: readonly string[];
  /** What Azure generates when the caller names no bound; null = up to the deployment's cap. */
  readonly defaultOutputTokens: number | null;
  /** Where usage stands in answers and events. */
  readonly usage: "openai" | "responses";
  /** Whether streams report usage only when asked (`stream_options.include_usage`). */
  readonly usageOnRequest: boolean;
}

export const operations: Readonly<Record<OperationName, Operation>> = {
  "chat/completions": {
    name: "chat/completions",
    action: "chat",
    classic: true,
    v1: true,
    outputParameters: ["max_completion_tokens", "max_tokens"],
    defaultOutputTokens: null,
    usage: "openai",
    usageOnRequest: true,
  },
  completions: {
    name: "completions",
    action: "completion",
    classic: true,
    v1: false,
    outputParameters: ["max_tokens"],
    defaultOutputTokens: 16,
    usage: "openai",
    usageOnRequest: true,
  },
  embeddings: {
    name: "embeddings",
    action: "embedding",
    classic: true,
    v1: true,
    outputParameters: [],
    defaultOutputTokens: 0,
    usage: "openai",
    usageOnRequest: false,
  },
  responses: {
    name: "responses",
    action: "response",
    classic: false,
    v1: true,
    outputParameters: ["max_output_tokens"],
    defaultOutputTokens: null,
    usage: "responses",
    usageOnRequest: false,
  },
};
