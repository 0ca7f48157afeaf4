/**
 * Finds the first member of a request that nobody has reviewed, at every depth where a prompt stands (guarantee G10).
 * The caller's own words (schemas of function tools, arguments) are not members of Azure's.
 */
import type { JsonObject } from "../kernel/json.ts";
import { isJsonObject } from "../kernel/json.ts";
import type { Action } from "../policy/action.ts";
import { knownParametersOf } from "./known-parameters.ts";

/** Members of messages, input items and their parts that hold text or name a role, across chat and Responses. */
const knownPromptMembers = new Set([
  "annotations",
  "arguments",
  "audio",
  "call_id",
  "content",
  "custom",
  "encrypted_content",
  "function",
  "function_call",
  "id",
  "index",
  "input",
  "logprobs",
  "name",
  "output",
  "phase",
  "reasoning_content",
  "refusal",
  "role",
  "status",
  "summary",
  "text",
  "tool_call_id",
  "tool_calls",
  "type",
]);
const knownToolMembers = new Set([
  "custom",
  "description",
  "format",
  "function",
  "name",
  "parameters",
  "strict",
  "type",
]);
/** Below these everything is the caller's own. */
const callersWords = new Set(["annotations", "arguments", "format", "logprobs", "parameters"]);

const prompts = ["messages", "input", "instructions", "prompt"];

/** Its path, or undefined when every member is known. */
export function unreviewedMember(body: JsonObject, action: Action): string | undefined {
  const known = knownParametersOf(action);
  const parameter = Object.keys(body).find((name) => !known.has(name));
  if (parameter !== undefined) return parameter;
  for (const name of prompts) {
    const found = unknownIn(body[name], knownPromptMembers, name);
    if (found) return found;
  }
  return unknownIn(body.tools, knownToolMembers, "tools");
}

function unknownIn(value: unknown, known: ReadonlySet<string>, path: string): string | undefined {
  if (!Array.isArray(value) && !isJsonObject(value)) return undefined;
  for (const [key, child] of Object.entries(value)) {
    const here = `${path}.${key}`;
    if (!Array.isArray(value) && !known.has(key)) return here;
    const found = callersWords.has(key) ? undefined : unknownIn(child, known, here);
    if (found) return found;
  }
  return undefined;
}
