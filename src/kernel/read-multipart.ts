/** A form with files, read within bounds: its bytes are counted as they come, whatever length was declared. */
import { MAX_FORM_PARTS } from "./limits.ts";
import { type MultipartPart, parseMultipart } from "./multipart.ts";
import { type BodySource, readBoundedBytes } from "./read-bounded-bytes.ts";
import { refuse } from "./refusal.ts";
import { fail, ok, type Result } from "./result.ts";

/** With one boundary, of the characters that RFC 2046 allows, and nothing after it. */
const FORM_DATA =
  /^multipart\/form-data\s*;\s*boundary=(?:"([\w'()+,./:=? -]{0,69}[\w'()+,./:=?-])"|([\w'+.-]{1,70}))\s*$/i;

export async function readMultipart(
  source: BodySource,
  maxBytes: number,
): Promise<Result<readonly MultipartPart[]>> {
  const [, quoted, token] = FORM_DATA.exec(source.headers.get("content-type")?.trim() ?? "") ?? [];
  const boundary = quoted ?? token;
  if (boundary === undefined) {
    const message = "The body must be multipart/form-data with a boundary.";
    return fail(refuse("content_type_unsupported", { field: "content-type", message }));
  }
  const bytes = await readBoundedBytes(source, maxBytes);
  if (!bytes.ok) return bytes;
  if (bytes.value.length === 0) return fail(refuse("body_missing"));
  const parts = parseMultipart(bytes.value, boundary, MAX_FORM_PARTS);
  if (parts !== undefined) return ok(parts);
  const message = `The body is not multipart/form-data of at most ${MAX_FORM_PARTS} fields in UTF-8.`;
  return fail(refuse("body_invalid", { message }));
}
