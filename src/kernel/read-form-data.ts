/**
 * A multipart form (RFC 7578), read within bounds: its bytes are counted as they come, whatever length was declared, and
 * the platform takes them apart. What becomes of the form is made of its fields and files alone, so bytes that another
 * reader would take apart differently go nowhere.
 */
import { type BodySource, readBoundedBytes } from "./read-bounded-bytes.ts";
import { refuse } from "./refusal.ts";
import { fail, ok, type Result } from "./result.ts";

/** With one boundary, of the characters that RFC 2046 allows, and nothing after it. */
const FORM_DATA = /^multipart\/form-data\s*;\s*boundary=(?:"[\w'()+,./:=? -]{1,70}"|[\w'+.-]{1,70})\s*$/i;

export async function readFormData(source: BodySource, maxBytes: number): Promise<Result<FormData>> {
  const contentType = source.headers.get("content-type")?.trim() ?? "";
  if (!FORM_DATA.test(contentType)) {
    const message = "The body must be multipart/form-data with a boundary.";
    return fail(refuse("content_type_unsupported", { field: "content-type", message }));
  }
  const bytes = await readBoundedBytes(source, maxBytes);
  if (!bytes.ok) return bytes;
  if (bytes.value.length === 0) return fail(refuse("body_missing"));
  try {
    return ok(
      await new Response(ownedBytes(bytes.value), { headers: { "content-type": contentType } }).formData(),
    );
  } catch {
    // The parser's own message may quote the body.
    return fail(refuse("body_invalid", { message: "The body is not multipart/form-data." }));
  }
}

/** What comes over a wire is never shared memory. */
const ownedBytes = (bytes: Uint8Array) => bytes as Uint8Array<ArrayBuffer>;
