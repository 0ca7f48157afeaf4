/**
 * A JSON body, read within bounds: the declared length is a claim, so bytes are counted as they stream in and
 * reading stops at the first one too many. Text that is not UTF-8, or nests deeper than anything that walks a body
 * may recurse, never becomes a value.
 */
import { utf8Text } from "./encoding.ts";
import { parseExactJson } from "./exact-json.ts";
import { joinedBytes } from "./joined-bytes.ts";
import { type JsonShape, jsonShape } from "./json-shape.ts";
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
  const text = utf8Text(bytes.value);
  // The characters that shape JSON survive a decoding that replaces what is not UTF-8.
  const shape = jsonShape(text ?? new TextDecoder().decode(bytes.value), MAX_JSON_VALUES);
  if (shape.values > MAX_JSON_VALUES) {
    return fail(invalid(`The body holds more than ${MAX_JSON_VALUES} values.`));
  }
  if (text === undefined) return fail(invalid("The body is not UTF-8."));
  return parseBounded(text, shape);
}

async function readBytes({ headers, body }: BodySource, maxBytes: number): Promise<Result<Uint8Array>> {
  const declared = Number(headers.get("content-length") ?? 0);
  if (declared > maxBytes) return fail(tooLarge(maxBytes));
  if (body === null) return ok(new Uint8Array());
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return ok(joinedBytes(chunks));
      length += value.length;
      if (length > maxBytes) {
        // Not awaited: a sender that never ends must not hold up the answer.
        reader.cancel().catch(() => undefined);
        return fail(tooLarge(maxBytes));
      }
      chunks.push(value);
      // HTTP ends a body at its declared length: to read its end as well would cost as much as reading the body.
      if (length > 0 && length === declared) return ok(joinedBytes(chunks));
    }
  } catch {
    return fail(invalid("The body broke off before its end."));
  }
}

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

const tooLarge = (maxBytes: number): Refusal =>
  refuse("body_too_large", { message: `The body is larger than ${maxBytes} bytes.` });

const invalid = (message: string): Refusal => refuse("body_invalid", { message });
