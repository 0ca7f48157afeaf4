/**
 * Stored objects (files, vector stores, earlier answers, containers, voices) belong to whoever holds the Azure key, so one
 * tenant could name another's (guarantee G7). Until they are bound to their makers, none can be used.
 */
import type { JsonObject } from "../kernel/json.ts";
import { isJsonObject } from "../kernel/json.ts";
import type { Operation } from "./operation.ts";

const storedObjectFields = ["previous_response_id", "conversation", "prompt", "background"] as const;
const toolReferences = new Set(["file_id", "file_ids", "vector_store_ids", "container_id"]);
/** What an item carries itself. */
const itemContents = [
  "content",
  "encrypted_content",
  "arguments",
  "output",
  "input",
  "result",
  "action",
  "code",
];
/** Their schemas are the caller's own words: a parameter may be called anything. */
const callersTools = new Set(["function", "custom"]);

/** The path of the first use of a stored object. */
export function storedObjectUsed(operation: Operation, body: JsonObject): string | undefined {
  if (operation.name === "chat/completions") {
    // "On your data" reads with the shared Azure resource's identity and calls its other deployments.
    return isNamed(body.data_sources) ? "data_sources" : referenceIn(body.messages, "messages");
  }
  if (operation.name === "audio/speech") return storedVoice(body.voice);
  if (operation.name !== "responses") return undefined;
  const field = storedObjectFields.find((name) => isNamed(body[name]) && body[name] !== false);
  return (
    field ??
    referenceInItems(body.input, "input") ??
    // Items as well, in what Azure answers.
    referenceInItems(body.instructions, "instructions") ??
    referenceInTools(body.tools, "tools")
  );
}

/** A voice of one's own is named by its id; built-in ones have a name. */
const storedVoice = (voice: unknown): string | undefined =>
  isJsonObject(voice) || (typeof voice === "string" && voice.startsWith("voice_")) ? "voice" : undefined;

const referenceInItems = (items: unknown, path: string): string | undefined =>
  referenceIn(items, path) ?? bareItemIn(items, path);

/** An item that has an id and nothing of its own is looked up at Azure, whatever type it states. */
function bareItemIn(items: unknown, path: string): string | undefined {
  if (!Array.isArray(items)) return undefined;
  const index = items.findIndex(
    (item) => isJsonObject(item) && isNamed(item.id) && !itemContents.some((key) => isNamed(item[key])),
  );
  return index === -1 ? undefined : `${path}.${index}.id`;
}

function referenceIn(value: unknown, path: string): string | undefined {
  if (Array.isArray(value)) return firstIn(value.entries(), path, referenceIn);
  if (!isJsonObject(value)) return undefined;
  if (value.type === "item_reference") return `${path}.type`;
  if (isNamed(value.file_id)) return `${path}.file_id`;
  if (isNamed(value.container_id)) return `${path}.container_id`;
  // An earlier spoken answer, by its id.
  if (isJsonObject(value.audio) && isNamed(value.audio.id)) return `${path}.audio.id`;
  return (
    referenceIn(value.content, `${path}.content`) ??
    referenceIn(value.output, `${path}.output`) ??
    referenceIn(value.file, `${path}.file`) ??
    referenceIn(value.environment, `${path}.environment`) ??
    // Some items bring tools; the list of a remote server's own is history, and in that server's words.
    (value.type === "mcp_list_tools" ? undefined : referenceInTools(value.tools, `${path}.tools`))
  );
}

function referenceInTools(value: unknown, path: string): string | undefined {
  if (Array.isArray(value)) return firstIn(value.entries(), path, referenceInTools);
  if (!isJsonObject(value) || (typeof value.type === "string" && callersTools.has(value.type)))
    return undefined;
  if (typeof value.container === "string") return `${path}.container`;
  const named = Object.keys(value).find((key) => toolReferences.has(key) && isNamed(value[key]));
  return named ? `${path}.${named}` : firstIn(Object.entries(value), path, referenceInTools);
}

function firstIn(
  entries: Iterable<[string | number, unknown]>,
  path: string,
  look: (value: unknown, path: string) => string | undefined,
): string | undefined {
  for (const [key, entry] of entries) {
    const found = look(entry, `${path}.${key}`);
    if (found) return found;
  }
  return undefined;
}

const isNamed = (value: unknown): boolean =>
  value !== undefined && value !== null && !(Array.isArray(value) && value.length === 0);
