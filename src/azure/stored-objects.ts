/**
 * Stored objects (files, vector stores, earlier answers, containers, voices) belong to whoever holds the Azure key, so one
 * tenant could name another's (guarantee G7). An answer that Azure keeps for an agent is bound to it in its ledger, and
 * can be continued; nothing else that is stored can be used.
 */
import type { JsonObject } from "../kernel/json.ts";
import { isJsonObject } from "../kernel/json.ts";
import type { Operation } from "./operation.ts";
import { STORED_ID } from "./stored-operation.ts";

const storedObjectFields = ["conversation", "prompt"] as const;
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
/** Of these an empty text is none: whatever made the item, it had more to say. */
const neverEmpty = new Set(["encrypted_content", "result"]);
/** Their schemas are the caller's own words: a parameter may be called anything. */
const callersTools = new Set(["function", "custom"]);

/** What a call needs that only an agent may have that may have its answers stored. */
export interface StorageNeed {
  /** The member that needs it. */
  readonly field: string;
  /** The answer that the call continues; null where it only has its own stored. */
  readonly previousId: string | null;
}

/** Null = nothing. Azure answers in the background from what it stores, and continues what it has stored. */
export function storageNeeded({ name }: Pick<Operation, "name">, body: JsonObject): StorageNeed | null {
  if (name !== "responses") return null;
  const { previous_response_id: previousId, background } = body;
  if (typeof previousId === "string") return { field: "previous_response_id", previousId };
  return background === true ? { field: "background", previousId: null } : null;
}

/** Whether the caller asks Azure to keep the answer; Azure's own default is not what a caller asked for. */
export const asksToStore = ({ name }: Pick<Operation, "name">, { store, background }: JsonObject): boolean =>
  store === true || (name === "responses" && background === true && !isNamed(store));

/** Of an answer, or of an event that carries one: null where there is none that a path could name. */
export function storedIdOf({ name }: Pick<Operation, "name">, value: unknown): string | null {
  if (!isJsonObject(value)) return null;
  const answer = name === "responses" && isJsonObject(value.response) ? value.response : value;
  const { id } = answer;
  return typeof id === "string" && STORED_ID.test(id) ? id : null;
}

/** The path of the first use of a stored object that nobody may use. */
export function storedObjectUsed(operation: Operation, body: JsonObject): string | undefined {
  if (operation.name === "chat/completions") {
    // "On your data" reads with the shared Azure resource's identity and calls its other deployments.
    return isNamed(body.data_sources) ? "data_sources" : referenceIn(body.messages, "messages");
  }
  if (operation.name === "audio/speech") return storedVoice(body.voice);
  if (operation.name !== "responses") return undefined;
  return (
    storedObjectFields.find((name) => isNamed(body[name]) && body[name] !== false) ??
    // What no stored answer is called.
    (isNamed(body.previous_response_id) && !isStoredId(body.previous_response_id)
      ? "previous_response_id"
      : undefined) ??
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
    (item) => isJsonObject(item) && isNamed(item.id) && !itemContents.some((key) => holds(item, key)),
  );
  return index === -1 ? undefined : `${path}.${index}.id`;
}

const holds = (item: JsonObject, key: string): boolean =>
  isNamed(item[key]) && !(item[key] === "" && neverEmpty.has(key));

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

const isStoredId = (value: unknown): boolean => typeof value === "string" && STORED_ID.test(value);

const isNamed = (value: unknown): boolean =>
  value !== undefined && value !== null && !(Array.isArray(value) && value.length === 0);
