/**
 * Top-level request fields that are known to keep data where the request goes. Unknown ones pass (a new parameter
 * works the day Azure has it), unless an obligation applies that they could slip past (guarantee G10). Reviewed
 * against the openai package 7.57.0.
 */
import type { Action } from "../policy/action.ts";

const ofText: ReadonlySet<string> = new Set([
  "best_of",
  "dimensions",
  "echo",
  "encoding_format",
  "frequency_penalty",
  "function_call",
  "functions",
  "include",
  "input",
  "instructions",
  "logit_bias",
  "logprobs",
  "max_completion_tokens",
  "max_output_tokens",
  "max_tokens",
  "max_tool_calls",
  "messages",
  "metadata",
  "modalities",
  "model",
  "n",
  "parallel_tool_calls",
  "prediction",
  "presence_penalty",
  "prompt",
  "prompt_cache_key",
  "reasoning",
  "reasoning_effort",
  "response_format",
  "safety_identifier",
  "seed",
  "stop",
  "store",
  "stream",
  "stream_options",
  "suffix",
  "temperature",
  "text",
  "tool_choice",
  "tools",
  "top_logprobs",
  "top_p",
  "truncation",
  "user",
  "verbosity",
]);

const ofPictures: ReadonlySet<string> = new Set([
  "background",
  "complexity",
  "frame_count",
  "frame_duration_ms",
  "image",
  "input_fidelity",
  "markup",
  "mask",
  "model",
  "moderation",
  "n",
  "output_compression",
  "output_format",
  "partial_images",
  "prompt",
  "quality",
  "response_format",
  "safety_identifier",
  "size",
  "stream",
  "style",
  "user",
]);

/** Not `known_speaker_references`: they may be addresses. */
const ofSound: ReadonlySet<string> = new Set([
  "chunking_strategy",
  "file",
  "include",
  "input",
  "instructions",
  "keywords",
  "known_speaker_names",
  "language",
  "languages",
  "model",
  "prompt",
  "response_format",
  "speed",
  "stream",
  "stream_format",
  "temperature",
  "timestamp_granularities",
  "voice",
]);

export function knownParametersOf(action: Action): ReadonlySet<string> {
  switch (action) {
    case "image":
      return ofPictures;
    case "audio":
      return ofSound;
    default:
      return ofText;
  }
}
