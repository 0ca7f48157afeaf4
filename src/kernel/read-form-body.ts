/**
 * A body of form parameters, as OAuth's endpoints take them (RFC 6749, appendix B), become an object of texts. A
 * parameter that is given twice says two things, and is refused (section 3.2).
 */
import { utf8Text } from "./encoding.ts";
import { type BodySource, readBoundedBytes } from "./read-bounded-bytes.ts";
import { refuse } from "./refusal.ts";
import { fail, ok, type Result } from "./result.ts";

const FORM_CONTENT = /^application\/x-www-form-urlencoded\s*(?:;|$)/i;

export const isFormBody = ({ headers }: BodySource): boolean =>
  FORM_CONTENT.test(headers.get("content-type")?.trim() ?? "");

export async function readFormBody(
  source: BodySource,
  maxBytes: number,
): Promise<Result<Readonly<Record<string, string>>>> {
  const bytes = await readBoundedBytes(source, maxBytes);
  if (!bytes.ok) return bytes;
  if (bytes.value.length === 0) return fail(refuse("body_missing"));
  const text = utf8Text(bytes.value);
  if (text === undefined) return fail(refuse("body_invalid", { message: "The body is not UTF-8." }));
  const fields = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(text)) {
    if (fields.has(name))
      return fail(refuse("body_invalid", { field: name, message: `\`${name}\` is given twice.` }));
    fields.set(name, value);
  }
  return ok(Object.fromEntries(fields));
}
