/**
 * The tools a request offers to the model, each by its type; functions and custom tools, which are the caller's own, as
 * `function:<name>` and `custom:<name>`. Every place where a body can carry tools is read, so that a list of allowed
 * tools cannot be passed by: `tools`, chat's older `functions` and `web_search_options`, and items that bring tools of
 * their own into the input of a response.
 */
import type { JsonObject } from "../kernel/json.ts";
import { isJsonObject } from "../kernel/json.ts";

/** What names no type is no tool that anyone has allowed. */
const UNTYPED = "untyped";
const callersOwn = ["function", "custom"];
/** What Azure takes for a name, generously; other text is content, and must not reach a refusal or a record. */
const toolName = /^[\w.-]{1,128}$/;

/** Each once. */
export function toolsUsed(body: JsonObject): readonly string[] {
  const found = new Set<string>();
  collect(body.tools, found);
  for (const items of [body.input, body.instructions, body.messages]) {
    if (!Array.isArray(items)) continue;
    for (const item of items) {
      // The list of a remote server's own tools is history: it is told by the type of what brought it.
      if (isJsonObject(item) && item.type !== "mcp_list_tools") collect(item.tools, found);
    }
  }
  if (isNamed(body.functions))
    for (const tool of arrayOf(body.functions)) for (const name of named("function", tool)) found.add(name);
  if (isNamed(body.web_search_options)) found.add("web_search");
  return [...found];
}

function collect(tools: unknown, found: Set<string>): void {
  if (!isNamed(tools)) return;
  for (const tool of arrayOf(tools)) {
    for (const name of toolNames(tool)) found.add(name);
    // A namespace holds tools.
    if (isJsonObject(tool)) collect(tool.tools, found);
  }
}

function toolNames(tool: unknown): readonly string[] {
  if (!isJsonObject(tool) || typeof tool.type !== "string") return [UNTYPED];
  if (callersOwn.includes(tool.type)) return named(tool.type, tool);
  // A type is a word: `mcp` must not pass as some function's name.
  return /^\w{1,100}$/.test(tool.type) ? [tool.type] : [UNTYPED];
}

/** Chat nests the name below the type, Responses does not: a tool that has both has both names. */
function named(type: string, tool: unknown): readonly string[] {
  if (!isJsonObject(tool)) return [UNTYPED];
  const nested = tool[type];
  const names = [tool.name, isJsonObject(nested) ? nested.name : undefined].filter(
    (name): name is string => typeof name === "string" && toolName.test(name),
  );
  return names.length === 0 ? [type] : names.map((name) => `${type}:${name}`);
}

const arrayOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [value]);

const isNamed = (value: unknown): boolean => value !== undefined && value !== null;
