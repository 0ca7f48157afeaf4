/** What names a token whatever its signature's spelling: SHA-256 of what was signed, in base64url. */
import { toBase64Url, utf8Bytes } from "../kernel/encoding.ts";

export async function signingInputHash(token: string): Promise<string> {
  const signingInput = token.slice(0, token.lastIndexOf("."));
  return toBase64Url(new Uint8Array(await crypto.subtle.digest("SHA-256", utf8Bytes(signingInput))));
}
