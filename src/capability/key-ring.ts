/**
 * The keys that sign tokens: read once per isolate from a Worker secret, never fetched. The first key whose end has not
 * come signs, all verify, so a rotation is "add in front, wait, remove". What a key signed before its
 * end stays good for as long as it says, and nothing dated later does, whoever signed it. Receipts have keys of their own, which are never in here.
 */
import type { CryptoKey } from "jose";
import * as z from "zod";
import { hasEnded } from "../kernel/timestamp.ts";
import { importPair, KEY_ALGORITHM, PrivateJwk, type PublicJwk, type SigningKey } from "./ed25519-keys.ts";
import { parseKeySet } from "./parse-key-set.ts";

export const TOKEN_ALGORITHM = KEY_ALGORITHM;

export interface VerificationKey {
  readonly keyId: string;
  readonly algorithm: typeof TOKEN_ALGORITHM;
  readonly publicKey: CryptoKey;
  readonly publicJwk: PublicJwk;
  readonly endsAt: SigningKey["endsAt"];
}

export interface KeyRing {
  /** In the order of the secret. */
  readonly signers: readonly [SigningKey, ...SigningKey[]];
  readonly keys: ReadonlyMap<string, VerificationKey>;
}

const SET_NAME = "signing keys";

/** Throws an Error that never quotes the secret. */
export async function importKeyRing(signingKeysJson: string): Promise<KeyRing> {
  const keys = new Map<string, VerificationKey>();
  const signers: SigningKey[] = [];
  const parsed = parseKeySet(signingKeysJson, SET_NAME, z.array(PrivateJwk).min(1).max(20));
  for (const [index, jwk] of parsed.entries()) {
    const pair = await importPair(jwk, SET_NAME, index);
    const { keyId, algorithm, privateKey, endsAt, publicKey, publicJwk } = pair;
    if (keys.has(keyId)) throw new Error(`The ${SET_NAME} hold keys[${index}] twice.`);
    keys.set(keyId, { keyId, algorithm, publicKey, publicJwk, endsAt });
    signers.push({ keyId, algorithm, privateKey, endsAt });
  }
  const [first, ...others] = signers;
  if (first === undefined) throw new Error(`The ${SET_NAME} hold no key.`);
  return { signers: [first, ...others], keys };
}

/** Undefined where every key has reached its end. */
export const signerAt = ({ signers }: Pick<KeyRing, "signers">, nowMs: number): SigningKey | undefined =>
  signers.find(({ endsAt }) => !hasEnded(endsAt, nowMs));

/** What others need to verify our tokens, for `/.well-known/jwks.json`. */
export const publicJwks = (ring: KeyRing): { readonly keys: readonly PublicJwk[] } => ({
  keys: [...ring.keys.values()].map((key) => key.publicJwk),
});
