/**
 * A JSON body, read within bounds. Text that is not UTF-8, or nests deeper than anything that walks a body
 * may recurse, never becomes a value.
 */
import { utf8Text } from "./encoding.ts";
import { parseExactJson } from "./exact-json.ts";
import { type JsonShape, jsonShape } from "./json-shape.ts";
import { MAX_JSON_DEPTH, MAX_JSON_VALUES } from "./limits.ts";
import { type BodySource, readBoundedBytes } from "./read-bounded-bytes.ts";
import { type Refusal, refuse } from "./refusal.ts";
import { fail, ok, type Result } from "./result.ts";

const JSON_CONTENT = /^application\/json\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?$/i;

export async function readJsonBody(request: BodySource, maxBytes: number): Promise<Result<unknown>> {
  if (!JSON_CONTENT.test(request.headers.get("content-type")?.trim() ?? "")) {
    return fail(refuse("content_type_unsupported", { field: "content-type" }));
  }
  const bytes = await readBoundedBytes(request, maxBytes);
  if (!bytes.ok) return bytes;
  if (bytes.value.length === 0) return fail(refuse("body_missing"));
  const text = utf8Text(bytes.value);
  // The characters that shape JSON survive a decoding that replaces what is not UTF-8.
  const shape = jsonShape(text ?? new TextDecoder().decode(bytes.value), MAX_JSON_VALUES);
  if (shape.values > MAX_JSON_VALUES) {
    return fail(invalid(`The body holds more than ${MAX_JSON_VALUES} values.`));
  }
  if (text === undefined) return fail(invalid("The body is not UTF-8."));
  return parseBounded(text, shape);
}

/** JSON that stands in something else: as strict, but for what bounds it there. */
export const parseJsonText = (text: string): Result<unknown> =>
  parseBounded(text, jsonShape(text, MAX_JSON_VALUES));

function parseBounded(text: string, { duplicate, depth }: JsonShape): Result<unknown> {
  let value: unknown;
  try {
    value = parseExactJson(text);
  } catch {
    // The parser's own message quotes the body.
    return fail(invalid("The body is not JSON."));
  }
  if (duplicate !== undefined) {
    return fail(
      refuse("body_invalid", {
        field: duplicate,
        message: `The body names \`${duplicate}\` twice in one object.`,
      }),
    );
  }
  return depth <= MAX_JSON_DEPTH
    ? ok(value)
    : fail(invalid(`The body nests deeper than ${MAX_JSON_DEPTH} levels.`));
}

const invalid = (message: string): Refusal => refuse("body_invalid", { message });
