/**
 * The gateway's signing keys: read once per isolate from a Worker secret, never fetched. The first key signs, all
 * verify, so a rotation is "add in front, wait, remove". A key is named by its RFC 7638 thumbprint and has exactly
 * one algorithm. Errors here name the place of the mistake and never quote the secret.
 */
import { type CryptoKey, calculateJwkThumbprint, importJWK } from "jose";
import * as z from "zod";
import { fromBase64Url, utf8Bytes } from "../kernel/encoding.ts";

/** RFC 8725bis: each key has exactly one algorithm. All of ours have this one. */
export const TOKEN_ALGORITHM = "EdDSA";

const keyBytes = z.string().refine((text) => fromBase64Url(text)?.length === 32);
const PrivateJwk = z.strictObject({
  kty: z.literal("OKP"),
  crv: z.literal("Ed25519"),
  x: keyBytes,
  d: keyBytes,
});
type PrivateJwk = z.infer<typeof PrivateJwk>;
const PrivateJwks = z.strictObject({ keys: z.array(PrivateJwk).min(1).max(20) });

export interface PublicJwk {
  readonly kty: "OKP";
  readonly crv: "Ed25519";
  readonly x: string;
  readonly kid: string;
  readonly alg: typeof TOKEN_ALGORITHM;
  readonly use: "sig";
}

export interface VerificationKey {
  readonly keyId: string;
  readonly algorithm: typeof TOKEN_ALGORITHM;
  readonly publicKey: CryptoKey;
  readonly publicJwk: PublicJwk;
}

export interface SigningKey {
  readonly keyId: string;
  readonly algorithm: typeof TOKEN_ALGORITHM;
  /** Not extractable. */
  readonly privateKey: CryptoKey;
}

export interface KeyRing {
  readonly signing: SigningKey;
  readonly keys: ReadonlyMap<string, VerificationKey>;
}

/** Throws an Error without a cause: parsers and importers may quote what they were given. */
export async function importKeyRing(signingKeysJson: string): Promise<KeyRing> {
  const keys = new Map<string, VerificationKey>();
  let signing: SigningKey | undefined;
  for (const [index, jwk] of parsePrivateJwks(signingKeysJson).entries()) {
    const { verification, privateKey } = await importKeyPair(jwk, index);
    if (keys.has(verification.keyId)) throw new Error(`The signing keys hold keys[${index}] twice.`);
    keys.set(verification.keyId, verification);
    signing ??= { keyId: verification.keyId, algorithm: TOKEN_ALGORITHM, privateKey };
  }
  if (signing === undefined) throw new Error("The signing keys hold no key.");
  return { signing, keys };
}

/** What others need to verify our tokens, for `/.well-known/jwks.json`. */
export const publicJwks = (ring: KeyRing): { readonly keys: readonly PublicJwk[] } => ({
  keys: [...ring.keys.values()].map((key) => key.publicJwk),
});

function parsePrivateJwks(signingKeysJson: string): readonly PrivateJwk[] {
  let json: unknown;
  try {
    json = JSON.parse(signingKeysJson);
  } catch {
    throw new Error("The signing keys are not JSON.");
  }
  const result = PrivateJwks.safeParse(json);
  if (result.success) return result.data.keys;
  const places = [
    ...new Set(result.error.issues.map(({ path, code }) => `${path.join(".") || "set"} (${code})`)),
  ];
  throw new Error(`The signing keys are not a JWK set of private Ed25519 keys: ${places.join(", ")}.`);
}

async function importKeyPair(jwk: PrivateJwk, index: number) {
  const { kty, crv, x } = jwk;
  const keyId = await calculateJwkThumbprint({ kty, crv, x }, "sha256");
  const publicJwk: PublicJwk = { kty, crv, x, kid: keyId, alg: TOKEN_ALGORITHM, use: "sig" };
  const pair = await importBoth(jwk).catch(() => undefined);
  // A public half that does not belong to the private one would be published, and refuse every token we issue.
  if (pair === undefined || !(await belongTogether(pair))) {
    throw new Error(`The signing keys' keys[${index}] is not an Ed25519 key pair.`);
  }
  const verification: VerificationKey = {
    keyId,
    algorithm: TOKEN_ALGORITHM,
    publicKey: pair.publicKey,
    publicJwk,
  };
  return { verification, privateKey: pair.privateKey };
}

interface KeyPair {
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
}

async function importBoth({ kty, crv, x, d }: PrivateJwk): Promise<KeyPair | undefined> {
  const privateKey = await importJWK({ kty, crv, x, d }, TOKEN_ALGORITHM, { extractable: false });
  const publicKey = await importJWK({ kty, crv, x }, TOKEN_ALGORITHM);
  // jose answers bytes only for symmetric keys.
  if (privateKey instanceof Uint8Array || publicKey instanceof Uint8Array) return undefined;
  return { privateKey, publicKey };
}

async function belongTogether({ privateKey, publicKey }: KeyPair): Promise<boolean> {
  const probe = utf8Bytes("portcullis key probe");
  const signature = await crypto.subtle.sign("Ed25519", privateKey, probe);
  return crypto.subtle.verify("Ed25519", publicKey, signature, probe);
}
