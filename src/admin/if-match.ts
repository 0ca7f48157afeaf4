/**
 * `If-Match` (RFC 9110 section 13.1.1): a write is made only to the version that its author has seen. Absent, nothing is
 * asked: then the last write wins. It is judged on what is read in the write's own turn, never on an earlier reading.
 */
import { type Refusal, refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { entityTagOf } from "./entity-tag.ts";

/** Null = no precondition; `*` = any version, as long as there is one. */
export type IfMatch = null | "*" | readonly string[];

/** One element of the list, which may be empty, and the comma or end after it. Tags may hold commas themselves. */
const element = /[ \t]*(?:((?:W\/)?"[\x21\x23-\x7e\x80-\xff]*")[ \t]*)?(?:,|$)/y;

export function parseIfMatch(header: string | null): Result<IfMatch> {
  if (header === null) return ok(null);
  if (header.trim() === "*") return ok("*");
  const tags: string[] = [];
  let at = 0;
  while (at < header.length) {
    element.lastIndex = at;
    const match = element.exec(header);
    if (match === null) return fail(invalid());
    if (match[1] !== undefined) tags.push(match[1]);
    at = element.lastIndex;
  }
  return tags.length === 0 ? fail(invalid()) : ok(tags);
}

const invalid = (): Refusal => refuse("precondition_invalid", { field: "if-match" });

/**
 * Why the write may not be made, or null. The comparison is strong: a weak tag matches nothing.
 * @param current the object as a GET shows it; null = there is none.
 */
export async function checkIfMatch(ifMatch: IfMatch, current: object | null): Promise<Refusal | null> {
  if (ifMatch === null) return null;
  if (current === null) return refuse("precondition_failed", { field: "if-match" });
  if (ifMatch === "*") return null;
  const etag = await entityTagOf(current);
  return ifMatch.includes(etag) ? null : refuse("precondition_failed", { field: "if-match", etag });
}
