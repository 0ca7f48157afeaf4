/**
 * Forms with files (multipart/form-data, RFC 7578), taken apart and put together without copying: a file stays a view on
 * the bytes that came. The platform's own reader holds a form four times over, and its writer once more, which an isolate
 * cannot afford for a file of sound. Strict where readers differ: what has two readings is no form.
 */
import { utf8Bytes, utf8Text } from "./encoding.ts";

export interface MultipartFile {
  /** What names the file, as it was written: `filename="…"`, and perhaps `filename*=…` (RFC 5987). */
  readonly naming: string;
  /** As it was written; null = none. */
  readonly contentType: string | null;
  readonly bytes: Uint8Array;
}

export interface MultipartPart {
  readonly name: string;
  readonly value: string | MultipartFile;
}

const CR = 0x0d;
const CRLF = "\r\n";
const MAX_HEAD_BYTES = 8_192;
/** A native search costs as much as a walk through so many bytes. */
const NEAR_BYTES = 32;

/** Quotes are left out by .NET where a name needs none. */
const disposition =
  /^form-data; *name=(?:"([^"\\\r\n]*)"|([\w.[\]-]+))(?:; *(filename=(?:"(?:[^"\\\r\n]|\\[^\r\n])*"|[\w!#$%&'*+.^`|~-]+)(?:; *filename\*=utf-8''[\w!#$&+.^`|~%-]*)?))?$/i;
/** What some readers take for the end of a line: more would stand in the head than was read here. */
const lineEnd = /[\p{Cc}\p{Zl}\p{Zp}]/u;
/** These would make other bytes of a part than stand in it (RFC 7578, section 4.7: none is used). */
const plainEncodings: ReadonlySet<string> = new Set(["binary", "7bit", "8bit"]);
const printable = /^[\x20-\x7e]{1,256}$/;

/** Undefined where it is no form, or has more than so many parts. */
export function parseMultipart(
  bytes: Uint8Array,
  boundary: string,
  maxParts: number,
): readonly MultipartPart[] | undefined {
  const delimiter = utf8Bytes(`${CRLF}--${boundary}`);
  const opening = delimiter.subarray(CRLF.length);
  if (!standsAt(bytes, opening, 0)) return undefined;
  const parts: MultipartPart[] = [];
  for (let at = opening.length; ; ) {
    const mark = utf8Text(bytes.subarray(at, at + 2));
    if (mark === "--") return isEnd(bytes.subarray(at + 2)) ? parts : undefined;
    if (mark !== CRLF || parts.length === maxParts) return undefined;
    const head = at + CRLF.length;
    const end = indexOf(bytes, delimiter, head);
    const part = end === -1 ? undefined : parsePart(bytes.subarray(head, end));
    if (part === undefined) return undefined;
    parts.push(part);
    at = end + delimiter.length;
  }
}

/** Nothing stands after a form but an end of line. */
const isEnd = (rest: Uint8Array): boolean => rest.length === 0 || utf8Text(rest) === CRLF;

const blankLine = utf8Bytes(CRLF + CRLF);

function parsePart(part: Uint8Array): MultipartPart | undefined {
  const headEnd = indexOf(part.subarray(0, MAX_HEAD_BYTES), blankLine, 0);
  const head = headEnd === -1 ? undefined : utf8Text(part.subarray(0, headEnd));
  const headers = head === undefined ? undefined : headersIn(head);
  if (headers === undefined) return undefined;
  const described = headers.get("content-disposition") ?? "";
  if (lineEnd.test(described)) return undefined;
  const [, quoted, token, naming] = disposition.exec(described) ?? [];
  const name = quoted ?? token;
  // It would say in what encoding all other texts are to be read (RFC 7578, section 4.6).
  if (name === undefined || name === "_charset_") return undefined;
  if (!plainEncodings.has((headers.get("content-transfer-encoding") ?? "binary").toLowerCase()))
    return undefined;
  const body = part.subarray(headEnd + blankLine.length);
  const contentType = headers.get("content-type") ?? null;
  if (contentType !== null && !printable.test(contentType)) return undefined;
  if (naming !== undefined) return { name, value: { naming, contentType, bytes: body } };
  const text = utf8Text(body);
  return text === undefined ? undefined : { name, value: text };
}

/** By names in lower case; undefined where one stands twice, or a line is no header. */
function headersIn(head: string): ReadonlyMap<string, string> | undefined {
  const headers = new Map<string, string>();
  for (const line of head.split(CRLF)) {
    const [, name, value] = /^([\w-]+):[ \t]*([^\r\n]*?)[ \t]*$/.exec(line) ?? [];
    if (name === undefined || value === undefined || headers.has(name.toLowerCase())) return undefined;
    headers.set(name.toLowerCase(), value);
  }
  return headers;
}

/** Found natively where few bytes could begin it; a file of line ends, which an attacker sends, is walked through. */
function indexOf(bytes: Uint8Array, sought: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(CR, from); at !== -1; at = bytes.indexOf(CR, at)) {
    for (const near = Math.min(at + NEAR_BYTES, bytes.length); at < near; at += 1)
      if (bytes[at] === CR && standsAt(bytes, sought, at)) return at;
  }
  return -1;
}

function standsAt(bytes: Uint8Array, sought: Uint8Array, at: number): boolean {
  for (let index = 0; index < sought.length; index += 1)
    if (bytes[at + index] !== sought[index]) return false;
  return true;
}

/** @param boundary stands in no part: nobody who wrote one could know it. */
export function multipartPieces(parts: readonly MultipartPart[], boundary: string): readonly Uint8Array[] {
  const pieces = parts.flatMap(({ name, value }) => {
    const isText = typeof value === "string";
    const naming = isText ? "" : `; ${value.naming}`;
    const type = isText || value.contentType === null ? "" : `content-type: ${value.contentType}${CRLF}`;
    const head = `--${boundary}${CRLF}content-disposition: form-data; name="${name}"${naming}${CRLF}${type}${CRLF}`;
    return [utf8Bytes(head), isText ? utf8Bytes(value) : value.bytes, utf8Bytes(CRLF)];
  });
  return [...pieces, utf8Bytes(`--${boundary}--${CRLF}`)];
}
