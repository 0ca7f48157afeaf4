/**
 * The cheap upper bound of a request's prompt tokens. Azure's tokenizers work on bytes and every token is at least one
 * byte, and JSON's own syntax outweighs the few tokens that chat templates add; so the bytes of the body bound its
 * text, a prompt in token numbers counts as many as there are, and images cost what their model's table says. It is
 * loose and always true. What draws in more than that (files, sound, search, stored objects) has no bound here.
 */
import { utf8Bytes } from "../kernel/encoding.ts";
import type { JsonObject } from "../kernel/json.ts";
import { isJsonObject } from "../kernel/json.ts";
import { isImagePart, readImagePart } from "./image-part.ts";
import { imageTokens, type PromptImage } from "./image-tokens.ts";

/** What a body says of its prompt, whichever model reads it. */
export interface Prompt {
  /** Images apart; null = cannot be bounded. */
  readonly textTokens: number | null;
  readonly images: readonly PromptImage[];
  /** Whether Azure may add to the prompt what does not stand in the body; also where nobody can say. */
  readonly outsideContent: boolean;
}

/** Parts and items whose tokens are text that stands in the body. */
const boundedTypes = new Set([
  "text",
  "refusal",
  "input_text",
  "output_text",
  "summary_text",
  "reasoning_text",
  "message",
  "reasoning",
  "function_call",
  "function_call_output",
  "custom_tool_call",
  "custom_tool_call_output",
]);
/** Members that hold more than text, whatever type the part states or leaves out. */
const unboundedMembers = ["image_url", "input_audio", "file", "file_data", "file_url", "image", "video_url"];
const boundedTools = new Set(["function", "custom"]);
/** Fields that make Azure add content of its own to the prompt. */
const unboundedFields = ["data_sources", "web_search_options", "previous_response_id"];

export function readPrompt(body: JsonObject): Prompt {
  const images: PromptImage[] = [];
  let imageCharacters = 0;
  let outsideContent = false;

  /** Messages, input items and their content parts; strings and token numbers are bounded by nature. */
  const isBounded = (value: unknown): boolean => {
    if (Array.isArray(value)) return value.every(isBounded);
    if (!isJsonObject(value)) return true;
    if (isImagePart(value)) {
      const part = readImagePart(value);
      if (part === null) return false;
      images.push(part.image);
      imageCharacters += part.inlineCharacters;
      outsideContent ||= part.isOutside;
      return true;
    }
    if (value.type !== undefined && !(typeof value.type === "string" && boundedTypes.has(value.type)))
      return false;
    if (unboundedMembers.some((member) => (value[member] ?? null) !== null)) return false;
    // SDKs send back their own answers with `audio: null`.
    return isBounded(value.content) && isBounded(value.output) && (value.audio ?? null) === null;
  };

  const bounded =
    unboundedFields.every((field) => (body[field] ?? null) === null) &&
    everyTool(body.tools) &&
    [body.messages, body.input, body.instructions].every(isBounded);
  if (!bounded) return { textTokens: null, images: [], outsideContent: true };
  const saved = savedByNumbers(body.prompt) + savedByNumbers(body.input) + imageCharacters;
  return { textTokens: jsonBytes(body) - saved, images, outsideContent };
}

/** Null when the prompt cannot be bounded for this model. */
export function promptTokenBound({ textTokens, images }: Prompt, model: string): number | null {
  let bound = textTokens;
  for (const image of images) {
    const tokens = imageTokens(model, image);
    if (tokens === null || bound === null) return null;
    bound += tokens;
  }
  return bound;
}

function everyTool(tools: unknown): boolean {
  if (!Array.isArray(tools)) return tools === undefined || tools === null;
  return tools.every(
    (tool) => isJsonObject(tool) && typeof tool.type === "string" && boundedTools.has(tool.type),
  );
}

/** A token's number is written in up to seven bytes. */
function savedByNumbers(prompt: unknown): number {
  if (!Array.isArray(prompt)) return 0;
  const isTokens =
    prompt.every(isNumber) || prompt.every((entry) => Array.isArray(entry) && entry.every(isNumber));
  return isTokens ? jsonBytes(prompt) - prompt.flat().length : 0;
}

const isNumber = (value: unknown): boolean => typeof value === "number";

export const jsonBytes = (value: unknown): number => utf8Bytes(JSON.stringify(value)).length;
