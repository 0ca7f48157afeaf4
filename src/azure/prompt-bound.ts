/**
 * An upper bound of a request's prompt tokens. Azure's tokenizers work on bytes and every token is at least one
 * byte, and JSON's own syntax outweighs the few tokens that chat templates add; so the bytes of the body bound
 * the prompt. It is loose and always true. What draws in more than the body holds (images, files, search, stored
 * objects) has no bound here.
 */
import { utf8Bytes } from "../kernel/encoding.ts";
import type { JsonObject } from "../kernel/json.ts";
import { isJsonObject } from "../kernel/json.ts";

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
const unboundedFields = ["data_sources", "web_search_options"];

/** Null when the prompt cannot be bounded. */
export function promptTokenBound(body: JsonObject): number | null {
  if (unboundedFields.some((field) => body[field] !== undefined && body[field] !== null)) return null;
  if (!everyTool(body.tools) || !everyPart(body.messages)) return null;
  if (!everyPart(body.input) || !everyPart(body.instructions)) return null;
  return utf8Bytes(JSON.stringify(body)).length;
}

function everyTool(tools: unknown): boolean {
  if (!Array.isArray(tools)) return tools === undefined || tools === null;
  return tools.every(
    (tool) => isJsonObject(tool) && typeof tool.type === "string" && boundedTools.has(tool.type),
  );
}

/** Messages, input items and their content parts; strings and token numbers are bounded by nature. */
function everyPart(value: unknown): boolean {
  if (Array.isArray(value)) return value.every(everyPart);
  if (!isJsonObject(value)) return true;
  if (value.type !== undefined && !(typeof value.type === "string" && boundedTypes.has(value.type)))
    return false;
  if (unboundedMembers.some((member) => (value[member] ?? null) !== null)) return false;
  // SDKs send back their own answers with `audio: null`.
  return everyPart(value.content) && everyPart(value.output) && (value.audio ?? null) === null;
}
