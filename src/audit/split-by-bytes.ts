/** A list in consecutive parts, each small enough for a store that bounds what it takes at once. */
import { utf8Bytes } from "../kernel/encoding.ts";

export interface PartBounds {
  /** UTF-8 bytes of a part's texts and the commas between them, as JSON counts. */
  readonly maxBytes: number;
  readonly maxItems: number;
}

/** No part is empty. An item that is too large by itself gets a part of its own: the store then says what it thinks of it. */
export function splitByBytes<T>(
  items: readonly T[],
  textOf: (item: T) => string,
  { maxBytes, maxItems }: PartBounds,
): T[][] {
  const parts: T[][] = [];
  let part: T[] = [];
  let partBytes = 0;
  for (const item of items) {
    const bytes = utf8Bytes(textOf(item)).length;
    if (part.length === 0 || part.length === maxItems || partBytes + 1 + bytes > maxBytes) {
      part = [item];
      parts.push(part);
      partBytes = bytes;
    } else {
      part.push(item);
      partBytes += 1 + bytes;
    }
  }
  return parts;
}
