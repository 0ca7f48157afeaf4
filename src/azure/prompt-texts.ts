/**
 * Every text that a model may read in a request: messages, input, instructions, prompts, tools and schemas, and members
 * nobody knows yet. What is left out is listed, not what is read, so that a text in a new place is not overlooked. Names
 * of members are no texts, nor are images and sound.
 */
import type { JsonObject } from "../kernel/json.ts";
import { isJsonObject } from "../kernel/json.ts";

/** Top-level members that no model reads. Reviewed against the openai package 7.57.0. */
const settings = new Set([
  "encoding_format",
  "function_call",
  "include",
  "metadata",
  "modalities",
  "model",
  "prompt_cache_key",
  "prompt_cache_retention",
  "reasoning",
  "reasoning_effort",
  "safety_identifier",
  "service_tier",
  "stop",
  "store",
  "stream",
  "stream_options",
  "tool_choice",
  "truncation",
  "user",
  "verbosity",
]);

/** Top-level members that choose something, in one word; whatever else stands there is read as a text. */
const choices = new Set([
  "background",
  "chunking_strategy",
  "input_fidelity",
  "language",
  "languages",
  "moderation",
  "output_format",
  "quality",
  "response_format",
  "size",
  "stream_format",
  "style",
  "timestamp_granularities",
  "voice",
]);

/** Members that say what something is, in one word; whatever else stands there is read as a text. */
const marks = new Set(["call_id", "detail", "id", "role", "status", "tool_call_id", "type", "verbosity"]);
const word = /^[\w.:-]{1,256}$/;
const addresses = new Set(["image_url", "url"]);
const address = /^(?:https?:|data:image\/)[^\s<>]*$/i;
const encodings = new Set(["data", "encrypted_content"]);
const base64 = /^[\w+/=-]*$/;

const isUnread = (member: string, text: string): boolean =>
  (marks.has(member) && word.test(text)) ||
  (addresses.has(member) && address.test(text)) ||
  (encodings.has(member) && base64.test(text));

const isWords = (value: unknown): boolean =>
  Array.isArray(value) ? value.every(isWords) : typeof value === "string" && word.test(value);

/** The same body with each text replaced; what does not change stays the same object. */
export function mapPromptTexts(body: JsonObject, map: (text: string) => string): JsonObject {
  const mapped = (value: unknown, member: string): unknown => {
    if (typeof value === "string") return isUnread(member, value) ? value : map(value);
    if (Array.isArray(value)) {
      const entries = value.map((entry) => mapped(entry, member));
      return entries.some((entry, index) => entry !== value[index]) ? entries : value;
    }
    return isJsonObject(value) ? mappedMembers(value, () => true) : value;
  };
  const mappedMembers = (object: JsonObject, isRead: (member: string) => boolean): JsonObject => {
    let changed = false;
    const members = Object.entries(object).map(([member, value]): [string, unknown] => {
      const now = isRead(member) ? mapped(value, member) : value;
      changed ||= now !== value;
      return [member, now];
    });
    return changed ? Object.fromEntries(members) : object;
  };
  const isChoice = (member: string) => choices.has(member) && isWords(body[member]);
  return mappedMembers(body, (member) => !settings.has(member) && !isChoice(member));
}

/** Null where a part of the prompt is text that cannot be read here: token numbers, files, an earlier answer. */
export function promptTexts(body: JsonObject): readonly string[] | null {
  if ((body.previous_response_id ?? null) !== null) return null;
  if (isTokens(body.prompt) || isTokens(body.input)) return null;
  if ([body.messages, body.input, body.instructions].some(holdsFile)) return null;
  const texts: string[] = [];
  mapPromptTexts(body, (text) => {
    texts.push(text);
    return text;
  });
  return texts;
}

const isTokens = (value: unknown): boolean =>
  Array.isArray(value) &&
  value.some((entry) => typeof entry === "number" || (Array.isArray(entry) && entry.some(isNumber)));

const isNumber = (value: unknown): boolean => typeof value === "number";

const fileMembers = ["file", "file_data", "file_id", "file_url"];

function holdsFile(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(holdsFile);
  if (!isJsonObject(value)) return false;
  if (fileMembers.some((member) => (value[member] ?? null) !== null)) return true;
  return Object.values(value).some(holdsFile);
}

/** Unicode code points, so that every language of a client counts alike. */
export function charactersIn(text: string): number {
  let pairs = 0;
  for (let index = 0; index + 1 < text.length; index += 1) {
    if (isHigh(text.charCodeAt(index)) && isLow(text.charCodeAt(index + 1))) {
      pairs += 1;
      index += 1;
    }
  }
  return text.length - pairs;
}

const isHigh = (unit: number): boolean => unit >= 0xd800 && unit < 0xdc00;
const isLow = (unit: number): boolean => unit >= 0xdc00 && unit < 0xe000;
