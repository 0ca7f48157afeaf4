/**
 * A JSON text without what stands in its longest strings, so that the rest can be read without holding them a second and
 * a third time: an answer with pictures is little else. What is well-formed JSON stays so, with empty strings for long ones.
 */
import { joinedBytes } from "./joined-bytes.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** @param json bytes of UTF-8, whose quotation marks are no part of any other character. */
export function withoutLongStrings(json: Uint8Array, maxBytes: number): Uint8Array {
  if (json.length <= maxBytes) return json;
  const kept: Uint8Array[] = [];
  let keptTo = 0;
  for (let open = json.indexOf(QUOTE); open !== -1; ) {
    const close = endOfString(json, open);
    if (close === -1) break;
    if (close - open - 1 > maxBytes) {
      kept.push(json.subarray(keptTo, open + 1));
      keptTo = close;
    }
    open = json.indexOf(QUOTE, close + 1);
  }
  if (kept.length === 0) return json;
  return joinedBytes([...kept, json.subarray(keptTo)]);
}

/** The index of the closing quote, or -1. */
function endOfString(json: Uint8Array, open: number): number {
  let end = json.indexOf(QUOTE, open + 1);
  while (end !== -1 && isEscaped(json, end)) end = json.indexOf(QUOTE, end + 1);
  return end;
}

function isEscaped(json: Uint8Array, index: number): boolean {
  let before = index;
  while (json[before - 1] === BACKSLASH) before -= 1;
  return (index - before) % 2 === 1;
}
