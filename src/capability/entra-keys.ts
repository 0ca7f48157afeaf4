/**
 * The keys that sign client assertions for Microsoft Entra, from a Worker secret of their own: RSA, since Entra promises
 * RS256 alone. The first signs; the others are published, so that a new key is known before it signs and an old one until
 * its last assertion has run out. Those need no private half, and two whole keys would not fit into one Worker secret.
 * Tokens and receipts are signed with Ed25519, so no key can be of two kinds (RFC 8725, section 3.12).
 */
import { type CryptoKey, calculateJwkThumbprint, importJWK } from "jose";
import * as z from "zod";
import { fromBase64Url, utf8Bytes } from "../kernel/encoding.ts";
import { parseKeySet } from "./parse-key-set.ts";

export const ASSERTION_ALGORITHM = "RS256";
const MIN_MODULUS_BITS = 2_048;
const MAX_MODULUS_BITS = 4_096;

function bitsOf(text: string): number {
  const bytes = fromBase64Url(text);
  // RFC 7518, section 6.3.1.1: no leading zero octets.
  const [first] = bytes ?? [];
  return bytes === undefined || first === undefined || first === 0
    ? 0
    : (bytes.length - 1) * 8 + (32 - Math.clz32(first));
}

const integer = z.string().refine((text) => (fromBase64Url(text)?.length ?? 0) > 0);
const publicHalf = {
  kty: z.literal("RSA"),
  n: z.string().refine((text) => bitsOf(text) >= MIN_MODULUS_BITS && bitsOf(text) <= MAX_MODULUS_BITS),
  e: z.literal("AQAB"),
};
const PublicRsaJwk = z.strictObject(publicHalf);
type PublicRsaJwk = z.infer<typeof PublicRsaJwk>;
const PrivateRsaJwk = z.strictObject({
  ...publicHalf,
  d: integer,
  p: integer,
  q: integer,
  dp: integer,
  dq: integer,
  qi: integer,
});
type PrivateRsaJwk = z.infer<typeof PrivateRsaJwk>;

/** As Entra fetches it. */
export interface EntraJwk extends PublicRsaJwk {
  readonly kid: string;
  readonly alg: typeof ASSERTION_ALGORITHM;
  readonly use: "sig";
}

export interface EntraKeys {
  readonly signing: {
    readonly keyId: string;
    /** Not extractable. */
    readonly privateKey: CryptoKey;
  };
  /** The one that signs first. */
  readonly published: readonly EntraJwk[];
}

const SET_NAME = "Entra keys";

/** Throws an Error that never quotes the secret. */
export async function importEntraKeys(entraKeysJson: string): Promise<EntraKeys> {
  const parsed = parseKeySet(
    entraKeysJson,
    SET_NAME,
    z
      .array(z.union([PrivateRsaJwk, PublicRsaJwk]))
      .min(1)
      .max(20),
  );
  const published = new Map<string, EntraJwk>();
  let signing: EntraKeys["signing"] | undefined;
  for (const [index, jwk] of parsed.entries()) {
    const publicJwk = await publicJwkOf(jwk);
    if (published.has(publicJwk.kid)) throw new Error(`The ${SET_NAME} hold keys[${index}] twice.`);
    published.set(publicJwk.kid, publicJwk);
    if (index > 0) continue;
    if (!("d" in jwk)) throw new Error(`The ${SET_NAME}' keys[0], which signs, has no private half.`);
    signing = { keyId: publicJwk.kid, privateKey: await importSigningKey(jwk, index) };
  }
  if (signing === undefined) throw new Error(`The ${SET_NAME} hold no key.`);
  return { signing, published: [...published.values()] };
}

async function publicJwkOf({ kty, n, e }: PublicRsaJwk): Promise<EntraJwk> {
  const keyId = await calculateJwkThumbprint({ kty, n, e }, "sha256");
  return { kty, n, e, kid: keyId, alg: ASSERTION_ALGORITHM, use: "sig" };
}

/** Throws an Error without a cause: importers may quote what they were given. */
async function importSigningKey(jwk: PrivateRsaJwk, index: number): Promise<CryptoKey> {
  const key = await importBoth(jwk).catch(() => undefined);
  if (key === undefined) throw new Error(`The ${SET_NAME}' keys[${index}] is not an RSA key pair.`);
  return key;
}

/** Undefined where the halves do not belong together: the public one would be published, and refuse all that we sign. */
async function importBoth(jwk: PrivateRsaJwk): Promise<CryptoKey | undefined> {
  const { kty, n, e } = jwk;
  const privateKey = await importJWK(jwk, ASSERTION_ALGORITHM, { extractable: false });
  const publicKey = await importJWK({ kty, n, e }, ASSERTION_ALGORITHM);
  // jose answers bytes only for symmetric keys.
  if (privateKey instanceof Uint8Array || publicKey instanceof Uint8Array) return undefined;
  const probe = utf8Bytes("portcullis key probe");
  const signature = await crypto.subtle.sign("RSASSA-PKCS1-v1_5", privateKey, probe);
  const belongs = await crypto.subtle.verify("RSASSA-PKCS1-v1_5", publicKey, signature, probe);
  return belongs ? privateKey : undefined;
}
