/**
 * The strict reading of a compact JWS (RFC 7515, section 3.1) before any cryptography. jose tolerates whitespace inside
 * segments, non-canonical base64url and duplicate members, so that many strings would be one JWS; here exactly one
 * string is. Total on any input.
 */
import { fromBase64Url, utf8Text } from "../kernel/encoding.ts";

const COMPACT_JWS = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

/** Whether it could be one: three segments of nothing but base64url's alphabet. */
export const looksLikeCompactJws = (text: string): boolean => COMPACT_JWS.test(text);

export interface CompactJws {
  readonly header: object;
  readonly payload: object;
}

/** Undefined unless the text is the one spelling of a JWS over two JSON objects. Nothing in it is verified. */
export function readCompactJws(text: string): CompactJws | undefined {
  if (!looksLikeCompactJws(text)) return undefined;
  const [headerSegment = "", payloadSegment = "", signatureSegment = ""] = text.split(".");
  const header = canonicalJsonObject(headerSegment);
  const payload = canonicalJsonObject(payloadSegment);
  const isWhole =
    header !== undefined && payload !== undefined && fromBase64Url(signatureSegment) !== undefined;
  return isWhole ? { header, payload } : undefined;
}

/**
 * The object a segment carries, or undefined. We only sign what JSON.stringify writes: whatever does not survive the
 * round trip (duplicate members, odd escapes or numbers, whitespace, a byte order mark) was never ours.
 */
function canonicalJsonObject(segment: string): object | undefined {
  const bytes = fromBase64Url(segment);
  const text = bytes && utf8Text(bytes);
  if (text === undefined) return undefined;
  try {
    const json: unknown = JSON.parse(text);
    const isObject = typeof json === "object" && json !== null && !Array.isArray(json);
    return isObject && JSON.stringify(json) === text ? json : undefined;
  } catch {
    return undefined;
  }
}
