/**
 * Bytes to text and back: base64url without padding (RFC 4648 section 5), hex, UTF-8. On the way of every request, so
 * tables and one pass each; `Uint8Array.fromBase64` does not exist on Node 24 and would accept more than one spelling.
 */

const utf8 = new TextEncoder();
const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

// An encoder's answer has a buffer of its own (Encoding standard, "encode"); workerd's types leave its kind open.
export const utf8Bytes = (text: string): Uint8Array<ArrayBuffer> =>
  utf8.encode(text) as Uint8Array<ArrayBuffer>;

/** Undefined when the bytes are not well-formed UTF-8. */
export function utf8Text(bytes: Uint8Array): string | undefined {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return undefined;
  }
}

const BASE64_URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const NO_DIGIT = 64;

/** Character code → the six bits it stands for; what is not in the alphabet, or beyond the table, stands for none. */
const sixBitsOf = new Uint8Array(128).fill(NO_DIGIT);
for (let digit = 0; digit < BASE64_URL.length; digit += 1) sixBitsOf[BASE64_URL.charCodeAt(digit)] = digit;

export function toBase64Url(bytes: Uint8Array): string {
  const codes = new Uint8Array(Math.ceil((bytes.length * 4) / 3));
  let pending = 0;
  let pendingBits = 0;
  let written = 0;
  for (const byte of bytes) {
    pending = (pending << 8) | byte;
    for (pendingBits += 8; pendingBits >= 6; written += 1) {
      pendingBits -= 6;
      codes[written] = BASE64_URL.charCodeAt((pending >> pendingBits) & 63);
    }
  }
  if (pendingBits > 0) codes[written] = BASE64_URL.charCodeAt((pending << (6 - pendingBits)) & 63);
  return strictUtf8.decode(codes);
}

/** Undefined unless the text is base64url in its one canonical form: otherwise many strings would be one token. */
export function fromBase64Url(text: string): Uint8Array<ArrayBuffer> | undefined {
  // A last character on its own holds no whole byte.
  if (text.length % 4 === 1) return undefined;
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4));
  let pending = 0;
  let pendingBits = 0;
  let written = 0;
  for (let index = 0; index < text.length; index += 1) {
    const sixBits = sixBitsOf[text.charCodeAt(index)] ?? NO_DIGIT;
    if (sixBits === NO_DIGIT) return undefined;
    pending = (pending << 6) | sixBits;
    pendingBits += 6;
    if (pendingBits >= 8) {
      pendingBits -= 8;
      bytes[written] = pending >> pendingBits;
      written += 1;
    }
  }
  // The bits that fill up the last character belong to no byte: any but zeros would be a second spelling.
  return (pending & ((1 << pendingBits) - 1)) === 0 ? bytes : undefined;
}

const hexOf: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

export function toHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += hexOf[byte] ?? "";
  return text;
}
