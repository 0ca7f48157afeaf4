/**
 * The keys that sign tokens: read once per isolate from a Worker secret, never fetched. Which of them signs, and whether
 * what another one signed is still good, is said by their states (key-states.ts) and by the end that a key may carry:
 * what it signed before stays good for as long as it says, and nothing dated later does, whoever signed it. Receipts have
 * keys of their own, which are never in here.
 */
import type { CryptoKey } from "jose";
import * as z from "zod";
import { importPair, KEY_ALGORITHM, PrivateJwk, type PublicJwk, type SigningKey } from "./ed25519-keys.ts";
import type { WithdrawnKey } from "./key-states.ts";
import { parseKeySet } from "./parse-key-set.ts";

export const TOKEN_ALGORITHM = KEY_ALGORITHM;

/** Where the public halves stand, for whoever else verifies tokens and receipts. */
export const JWKS_PATH = "/.well-known/jwks.json";

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

/** What others need to verify our tokens: all keys that were not killed. */
export const publicJwks = (
  { keys }: Pick<KeyRing, "keys">,
  withdrawn: readonly WithdrawnKey[],
): readonly PublicJwk[] => {
  const isKilled = (keyId: string) =>
    withdrawn.some((key) => key.keyId === keyId && key.lastIssuedAt === null);
  return [...keys.values()].filter(({ keyId }) => !isKilled(keyId)).map(({ publicJwk }) => publicJwk);
};
