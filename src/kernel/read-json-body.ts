/**
 * A JSON body, read within bounds: the declared length is a claim, so bytes are counted as they stream in and
 * reading stops at the first one too many. Text that is not UTF-8, or nests deeper than anything that walks a body
 * may recurse, never becomes a value.
 */

import { duplicateMember } from "./duplicate-member.ts";
import { utf8Text } from "./encoding.ts";
import { parseExactJson } from "./exact-json.ts";
import { MAX_JSON_DEPTH, MAX_JSON_VALUES } from "./limits.ts";
import { type Refusal, refuse } from "./refusal.ts";
import { fail, ok, type Result } from "./result.ts";

export interface BodySource {
  readonly headers: Headers;
  readonly body: ReadableStream<Uint8Array> | null;
}

const JSON_CONTENT = /^application\/json\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?$/i;

export async function readJsonBody(request: BodySource, maxBytes: number): Promise<Result<unknown>> {
  if (!JSON_CONTENT.test(request.headers.get("content-type")?.trim() ?? "")) {
    return fail(refuse("content_type_unsupported", { field: "content-type" }));
  }
  const bytes = await readBytes(request, maxBytes);
  if (!bytes.ok) return bytes;
  if (bytes.value.length === 0) return fail(refuse("body_missing"));
  if (valuesIn(bytes.value) > MAX_JSON_VALUES) {
    return fail(invalid(`The body holds more than ${MAX_JSON_VALUES} values.`));
  }
  const text = utf8Text(bytes.value);
  if (text === undefined) return fail(invalid("The body is not UTF-8."));
  return parseBounded(text);
}

async function readBytes({ headers, body }: BodySource, maxBytes: number): Promise<Result<Uint8Array>> {
  const tooLarge = refuse("body_too_large", { message: `The body is larger than ${maxBytes} bytes.` });
  if (Number(headers.get("content-length") ?? 0) > maxBytes) return fail(tooLarge);
  if (body === null) return ok(new Uint8Array());
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return ok(joined(chunks, length));
      length += value.length;
      if (length > maxBytes) {
        // Not awaited: a sender that never ends must not hold up the answer.
        reader.cancel().catch(() => undefined);
        return fail(tooLarge);
      }
      chunks.push(value);
    }
  } catch {
    return fail(invalid("The body broke off before its end."));
  }
}

function joined(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const [only] = chunks;
  if (chunks.length === 1 && only !== undefined) return only;
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}

function parseBounded(text: string): Result<unknown> {
  let value: unknown;
  try {
    value = parseExactJson(text);
  } catch {
    // The parser's own message quotes the body.
    return fail(invalid("The body is not JSON."));
  }
  const twice = duplicateMember(text);
  if (twice !== undefined) {
    return fail(
      refuse("body_invalid", { field: twice, message: `The body names \`${twice}\` twice in one object.` }),
    );
  }
  return nestsWithin(value, MAX_JSON_DEPTH)
    ? ok(value)
    : fail(invalid(`The body nests deeper than ${MAX_JSON_DEPTH} levels.`));
}

const [QUOTE, BACKSLASH, COMMA, BRACKET, BRACE] = [0x22, 0x5c, 0x2c, 0x5b, 0x7b];

/** How many values the text can hold, counted before it is parsed: a body of `{}` costs many times its bytes in memory. */
function valuesIn(bytes: Uint8Array): number {
  let values = 1;
  let inString = false;
  for (let index = 0; index < bytes.length; index += 1) {
    const byte = bytes[index];
    if (inString && byte === BACKSLASH) index += 1;
    else if (byte === QUOTE) inString = !inString;
    else if (!inString && (byte === COMMA || byte === BRACKET || byte === BRACE)) values += 1;
  }
  return values;
}

/** Level by level instead of recursively: the depth is exactly what is not yet known to be safe. */
function nestsWithin(value: unknown, maxDepth: number): boolean {
  let level = isContainer(value) ? [value] : [];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth === maxDepth) return false;
    const next: object[] = [];
    for (const container of level) {
      for (const child of Object.values(container)) if (isContainer(child)) next.push(child);
    }
    level = next;
  }
  return true;
}

const isContainer = (value: unknown): value is object => typeof value === "object" && value !== null;

const invalid = (message: string): Refusal => refuse("body_invalid", { message });
