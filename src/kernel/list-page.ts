/** Every list answers `{items, nextCursor}`. Cursors are opaque to callers: base64url of the last row's sort key. */
import * as z from "zod";
import { fromBase64Url, toBase64Url, utf8Bytes, utf8Text } from "./encoding.ts";
import { refuse } from "./refusal.ts";
import { fail, ok, type Result } from "./result.ts";

export interface ListPage<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
}

export const listPageOf = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), nextCursor: z.string().nullable() });

export const encodeCursor = (sortKey: string): string => toBase64Url(utf8Bytes(sortKey));

const notOurs = () =>
  fail(refuse("query_invalid", { field: "cursor", message: "The cursor is not one this API gave out." }));

export function decodeCursor(cursor: string): Result<string> {
  const bytes = fromBase64Url(cursor);
  const text = bytes && utf8Text(bytes);
  return text ? ok(text) : notOurs();
}

/** A cursor whose sort key has several parts, as JSON. */
export function decodeSortKey<T>(cursor: string, schema: z.ZodType<T>): Result<T> {
  const text = decodeCursor(cursor);
  if (!text.ok) return text;
  const sortKey = schema.safeParse(jsonOf(text.value));
  return sortKey.success ? ok(sortKey.data) : notOurs();
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Cuts `limit + 1` rows to a page; the extra row only tells that there is more. */
export function pageOf<T>(rows: readonly T[], limit: number, sortKey: (row: T) => string): ListPage<T> {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return {
    items,
    nextCursor: rows.length > limit && last !== undefined ? encodeCursor(sortKey(last)) : null,
  };
}
