/**
 * The surface: every path of Azure OpenAI that the gateway serves, as data. What is not in this table is refused.
 * Classic paths name the deployment in the path (the body's `model` selects nothing there); v1 paths in the body, which
 * is JSON or a form.
 */
import type { Action } from "../policy/action.ts";
import type { Unit } from "./unit.ts";

export type OperationName =
  | "chat/completions"
  | "completions"
  | "embeddings"
  | "responses"
  | "images/generations"
  | "images/edits"
  | "audio/transcriptions"
  | "audio/translations"
  | "audio/speech";

export interface Operation {
  readonly name: OperationName;
  readonly action: Action;
  readonly classic: boolean;
  readonly v1: boolean;
  /** How a request is written; in a form, the field `model` stands for JSON's member. */
  readonly body: "json" | "form";
  /**
   * What bounds the tokens of an answer: `parameters` that the gateway writes into the request; `none` are generated;
   * `picture`: its size and quality, which nothing can cut; `unknown`: nothing that a request says.
   */
  readonly output: "parameters" | "none" | "picture" | "unknown";
  /** Body fields that bound the output tokens; none = no output. */
  readonly outputParameters: readonly string[];
  /** What Azure generates when the caller names no bound; null = up to the deployment's cap. */
  readonly defaultOutputTokens: number | null;
  /** What a successful answer is, unless it is a stream: whoever asks for a transcript may ask for plain text. */
  readonly answer: "json" | "transcript" | "sound";
  /** Where usage stands in answers and events, and how it is spelled. */
  readonly usage: "openai" | "responses" | "media";
  /** What it is billed by at models whose price is not one of tokens; null = always by tokens. */
  readonly unit: Unit | null;
  /** Whether streams report usage only when asked (`stream_options.include_usage`). */
  readonly usageOnRequest: boolean;
  /**
   * What Azure is taken to bill where its content filter refuses: the prompt; or all that is reserved, where nobody is
   * told whether the prompt was refused or a picture that had been made.
   */
  readonly filteredCosts: "prompt" | "as_reserved";
}

const media = {
  classic: true,
  v1: true,
  outputParameters: [],
  defaultOutputTokens: null,
  usage: "media",
  usageOnRequest: false,
  filteredCosts: "as_reserved",
} as const satisfies Partial<Operation>;

export const operations: Readonly<Record<OperationName, Operation>> = {
  "chat/completions": {
    name: "chat/completions",
    action: "chat",
    classic: true,
    v1: true,
    body: "json",
    output: "parameters",
    outputParameters: ["max_completion_tokens", "max_tokens"],
    defaultOutputTokens: null,
    answer: "json",
    usage: "openai",
    unit: null,
    usageOnRequest: true,
    filteredCosts: "prompt",
  },
  completions: {
    name: "completions",
    action: "completion",
    classic: true,
    v1: false,
    body: "json",
    output: "parameters",
    outputParameters: ["max_tokens"],
    defaultOutputTokens: 16,
    answer: "json",
    usage: "openai",
    unit: null,
    usageOnRequest: true,
    filteredCosts: "prompt",
  },
  embeddings: {
    name: "embeddings",
    action: "embedding",
    classic: true,
    v1: true,
    body: "json",
    output: "none",
    outputParameters: [],
    defaultOutputTokens: 0,
    answer: "json",
    usage: "openai",
    unit: null,
    usageOnRequest: false,
    filteredCosts: "prompt",
  },
  responses: {
    name: "responses",
    action: "response",
    classic: false,
    v1: true,
    body: "json",
    output: "parameters",
    outputParameters: ["max_output_tokens"],
    defaultOutputTokens: null,
    answer: "json",
    usage: "responses",
    unit: null,
    usageOnRequest: false,
    filteredCosts: "prompt",
  },
  "images/generations": {
    ...media,
    name: "images/generations",
    action: "image",
    body: "json",
    output: "picture",
    unit: "picture",
    answer: "json",
  },
  "images/edits": {
    ...media,
    name: "images/edits",
    action: "image",
    body: "form",
    // What pictures cost as input is published for no model.
    output: "unknown",
    unit: "picture",
    answer: "json",
  },
  "audio/transcriptions": {
    ...media,
    name: "audio/transcriptions",
    action: "audio",
    body: "form",
    output: "unknown",
    unit: "audio_second",
    answer: "transcript",
  },
  "audio/translations": {
    ...media,
    name: "audio/translations",
    action: "audio",
    body: "form",
    output: "unknown",
    unit: "audio_second",
    answer: "transcript",
  },
  "audio/speech": {
    ...media,
    name: "audio/speech",
    action: "audio",
    body: "json",
    output: "unknown",
    unit: "character",
    answer: "sound",
  },
};
