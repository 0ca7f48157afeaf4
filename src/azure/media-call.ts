/**
 * What requests about pictures and sound ask for beyond what all requests do. Their prompts are a text, files, or both; a
 * file's tokens are in no table, so what has one is not bounded.
 */
import type { JsonObject } from "../kernel/json.ts";
import type { FormPart } from "./call-form.ts";
import { numericParameters } from "./numeric-parameters.ts";
import type { Operation } from "./operation.ts";
import type { Prompt } from "./prompt-bound.ts";

/** `json`: nothing else is a good answer. `text`: whatever is whole. `bytes`: passed on as they come. */
export type AnswerKind = "json" | "text" | "bytes";

export interface MediaFacts {
  readonly prompt: Prompt | null;
  readonly stream: boolean | null;
  readonly holdsFile: boolean;
}

/**
 * Where Azure takes pictures and sound as files; a text in their place can only be an address that it fetches. A picture
 * is looked at, never read: it holds no text of a prompt.
 */
const pictureFields: ReadonlySet<string> = new Set(["image", "markup", "mask"]);
const fileFields: ReadonlySet<string> = new Set([...pictureFields, "file"]);

/** JSON has no files. */
const OF_OUTSIDE: Prompt = { textTokens: null, images: [], outsideContent: true };

/** Null for operations on text. */
export function readMedia(
  operation: Operation,
  body: JsonObject,
  parts: readonly FormPart[] | null,
): MediaFacts | null {
  if (parts === null) {
    if (operation.usage !== "media") return null;
    const namesFile = [...fileFields].some((name) => (body[name] ?? null) !== null);
    return {
      prompt: namesFile ? OF_OUTSIDE : null,
      stream: operation.answer === "sound" ? body.stream_format === "sse" : null,
      holdsFile: false,
    };
  }
  const unread = operation.action === "image" ? parts.filter(isNoPicture) : parts;
  const outsideContent = parts.some(({ field, value }) => fileFields.has(field) && isText(value));
  return {
    prompt: { textTokens: null, images: [], outsideContent },
    stream: null,
    holdsFile: unread.some(({ field, value }) => !isText(value) || fileFields.has(field)),
  };
}

const isText = (value: FormPart["value"]): value is string => typeof value === "string";
const isNoPicture = ({ field }: FormPart): boolean => !pictureFields.has(field);

/** `svg` draws with a further model, which nobody has decided on. */
export const furtherModel = ({ action }: Operation, { svg }: JsonObject): string | undefined =>
  action === "image" && svg !== undefined && svg !== null ? "svg" : undefined;

/** Fields whose text the gateway acts on or reads: as a file they would be unseen. */
const texts: ReadonlySet<string> = new Set([
  ...numericParameters,
  "instructions",
  "keywords",
  "model",
  "prompt",
  "quality",
  "response_format",
  "safety_identifier",
  "size",
  "store",
  "stream",
  "user",
]);

/** The first field that holds a file and must not. */
export const fileMisplaced = (parts: readonly FormPart[]): string | undefined =>
  parts.find(({ field, value }) => !isText(value) && texts.has(field))?.field;

const jsonFormat = /json/;

/** Transcripts come in several formats, of which only some are JSON; what is asked for decides what is a good answer. */
export function answerKind({ answer }: Operation, { response_format: format }: JsonObject): AnswerKind {
  if (answer === "sound") return "bytes";
  if (answer === "json" || typeof format !== "string") return "json";
  return jsonFormat.test(format) ? "json" : "text";
}
