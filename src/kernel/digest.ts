/** SHA-256 and HMAC-SHA-256. WebCrypto is deterministic here, so these count as pure. */
import { toHex, utf8Bytes } from "./encoding.ts";

export const sha256 = (text: string): Promise<Uint8Array> => sha256OfBytes(utf8Bytes(text));

export const sha256Hex = async (text: string): Promise<string> => toHex(await sha256(text));

export const sha256HexOfBytes = async (bytes: Uint8Array<ArrayBuffer>): Promise<string> =>
  toHex(await sha256OfBytes(bytes));

const sha256OfBytes = async (bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> =>
  new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));

export async function hmacSha256(key: Uint8Array<ArrayBuffer>, text: string): Promise<Uint8Array> {
  const imported = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, [
    "sign",
  ]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, utf8Bytes(text)));
}

export const hmacSha256Hex = async (secret: string, text: string): Promise<string> =>
  toHex(await hmacSha256(utf8Bytes(secret), text));

/** Compares digests of equal length without an early exit, so that timing tells nothing about where they differ. */
export function equalInConstantTime(left: string, right: string): boolean {
  if (left.length !== right.length) return false;
  let difference = 0;
  for (let index = 0; index < left.length; index += 1) {
    difference |= left.charCodeAt(index) ^ right.charCodeAt(index);
  }
  return difference === 0;
}
