/** A new key pair for SIGNING_KEYS, made of random bytes. Those bytes are the key: whoever draws them keeps them to itself. */
import { exportJWK, importPKCS8 } from "jose";
import { toBase64Url } from "../kernel/encoding.ts";
import { joinedBytes } from "../kernel/joined-bytes.ts";
import { KEY_ALGORITHM, PrivateJwk } from "./ed25519-keys.ts";

export const SEED_BYTES = 32;

/** RFC 8410, section 7: a private key without its public half is the seed after these bytes. */
const PKCS8_PREFIX = Uint8Array.from([
  0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
]);

/** In the members that the secret has had from the beginning, so that an older version of the Worker reads them too. */
export async function signingKeyOf(seed: Uint8Array): Promise<PrivateJwk> {
  const base64 = toBase64Url(joinedBytes([PKCS8_PREFIX, seed]))
    .replaceAll("-", "+")
    .replaceAll("_", "/");
  const pem = `-----BEGIN PRIVATE KEY-----\n${base64}\n-----END PRIVATE KEY-----`;
  const { kty, crv, x, d } = await exportJWK(await importPKCS8(pem, KEY_ALGORITHM, { extractable: true }));
  return PrivateJwk.parse({ kty, crv, x, d });
}
