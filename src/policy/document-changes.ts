/** What changed between two JSON documents, member by member, at JSON pointers (RFC 6901). */
import * as z from "zod";
import { isJsonObject, type JsonObject } from "../kernel/json.ts";

/** Without `before` the member was added, without `after` it was removed. Items of arrays are compared by position. */
export const DocumentChange = z.strictObject({
  path: z.string(),
  before: z.unknown().optional(),
  after: z.unknown().optional(),
});
export type DocumentChange = z.infer<typeof DocumentChange>;

export const documentChanges = (before: JsonObject, after: JsonObject): readonly DocumentChange[] =>
  changesAt("", before, after);

function changesAt(path: string, before: unknown, after: unknown): readonly DocumentChange[] {
  if (isJsonObject(before) && isJsonObject(after)) return changesOfMembers(path, before, after);
  if (Array.isArray(before) && Array.isArray(after)) {
    return changesOfMembers(path, { ...before }, { ...after });
  }
  return Object.is(before, after) ? [] : [{ path, before, after }];
}

function changesOfMembers(path: string, before: JsonObject, after: JsonObject): readonly DocumentChange[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].flatMap((name) => {
    const at = `${path}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    if (!Object.hasOwn(before, name)) return [{ path: at, after: after[name] }];
    if (!Object.hasOwn(after, name)) return [{ path: at, before: before[name] }];
    return changesAt(at, before[name], after[name]);
  });
}
