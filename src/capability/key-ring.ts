/**
 * The keys that sign tokens: read once per isolate from a Worker secret, never fetched. The first key signs, all
 * verify, so a rotation is "add in front, wait, remove". Receipts have keys of their own, which are never in here.
 */
import type { CryptoKey } from "jose";
import * as z from "zod";
import { importPair, KEY_ALGORITHM, PrivateJwk, type PublicJwk, type SigningKey } from "./ed25519-keys.ts";
import { parseKeySet } from "./parse-key-set.ts";

export const TOKEN_ALGORITHM = KEY_ALGORITHM;

export interface VerificationKey {
  readonly keyId: string;
  readonly algorithm: typeof TOKEN_ALGORITHM;
  readonly publicKey: CryptoKey;
  readonly publicJwk: PublicJwk;
}

export interface KeyRing {
  readonly signing: SigningKey;
  readonly keys: ReadonlyMap<string, VerificationKey>;
}

const SET_NAME = "signing keys";

/** Throws an Error that never quotes the secret. */
export async function importKeyRing(signingKeysJson: string): Promise<KeyRing> {
  const keys = new Map<string, VerificationKey>();
  let signing: SigningKey | undefined;
  const parsed = parseKeySet(signingKeysJson, SET_NAME, z.array(PrivateJwk).min(1).max(20));
  for (const [index, jwk] of parsed.entries()) {
    const { keyId, algorithm, privateKey, publicKey, publicJwk } = await importPair(jwk, SET_NAME, index);
    if (keys.has(keyId)) throw new Error(`The ${SET_NAME} hold keys[${index}] twice.`);
    keys.set(keyId, { keyId, algorithm, publicKey, publicJwk });
    signing ??= { keyId, algorithm, privateKey };
  }
  if (signing === undefined) throw new Error(`The ${SET_NAME} hold no key.`);
  return { signing, keys };
}

/** What others need to verify our tokens, for `/.well-known/jwks.json`. */
export const publicJwks = (ring: KeyRing): { readonly keys: readonly PublicJwk[] } => ({
  keys: [...ring.keys.values()].map((key) => key.publicJwk),
});
