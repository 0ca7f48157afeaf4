/**
 * The close upper bound of a request's prompt tokens: its texts are counted by the model's tokenizer; everything else of
 * the body (tools, schemas, calls of functions, members nobody knows) stays with its bytes, and so does the JSON around
 * each text, which outweighs what a chat template puts there. Never more than the cheap bound.
 */
import { utf8Bytes } from "../kernel/encoding.ts";
import type { JsonObject } from "../kernel/json.ts";
import { isJsonObject } from "../kernel/json.ts";
import type { CountTokens } from "./count-tokens.ts";
import { jsonBytes } from "./prompt-bound.ts";

/** A text costs the CPU some 0.1 s per megabyte; what a request has beyond this stays with its bytes. */
const MAX_COUNTED_BYTES = 1024 * 1024;

/**
 * What a message costs besides its content: three tokens and the role's one (OpenAI's cookbook), and as many again for
 * templates that nobody has published.
 */
const MESSAGE_TOKENS = 8;
/** Messages with more than these keep their JSON as the bound of what surrounds their content. */
const plainMembers = new Set(["role", "content"]);
const roles = new Set(["system", "developer", "user", "assistant"]);

/** Where the prompt's texts stand, over all operations. */
const promptFields = ["messages", "input", "instructions", "prompt"];

/** @returns how much less than its bytes the body's text is. */
export function savedByCounting(body: JsonObject, count: CountTokens): number {
  let bytesLeft = MAX_COUNTED_BYTES;

  const savedInText = (text: string): number => {
    const written = jsonBytes(text);
    if (written > bytesLeft) return 0;
    bytesLeft -= written;
    // The quotation marks stay: they cover where two parts of a message meet and cut differently together.
    return written - 2 - count(text);
  };

  const savedIn = (value: unknown): number => {
    if (typeof value === "string") return savedInText(value);
    if (Array.isArray(value)) return value.reduce<number>((sum, entry) => sum + savedIn(entry), 0);
    if (!isJsonObject(value)) return 0;
    return savedIn(value.content) + savedIn(value.text) + savedIn(value.output) + savedAround(value);
  };

  return promptFields.reduce((sum, field) => sum + savedIn(body[field]), 0);
}

function savedAround(message: JsonObject): number {
  const { role } = message;
  if (typeof role !== "string" || !roles.has(role)) return 0;
  if (!Object.keys(message).every((key) => plainMembers.has(key))) return 0;
  const around = utf8Bytes(JSON.stringify({ role, content: "" })).length - 2;
  return Math.max(0, around - MESSAGE_TOKENS);
}
