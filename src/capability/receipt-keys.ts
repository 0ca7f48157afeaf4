/**
 * The keys that sign receipts, from a Worker secret of their own: the first signs. A receipt is looked at years later,
 * so a key stays published after it has stopped signing; its private half may then be left out of the secret, and
 * nobody can sign with it any more. The end of a key stops nothing here: an answer without its receipt would be worse, so
 * the doctor warns of it and the key signs on. No key is for tokens and receipts both (RFC 8725, section 3.12).
 */
import * as z from "zod";
import {
  importPair,
  namedJwkOf,
  PrivateJwk,
  PublicHalf,
  type PublicJwk,
  type SigningKey,
} from "./ed25519-keys.ts";
import type { KeyRing } from "./key-ring.ts";
import { parseKeySet } from "./parse-key-set.ts";

/** The member of a published key that says what it is for; others must ignore it (RFC 7517, section 4). */
export const RECEIPT_USE = "receipt";

export interface ReceiptJwk extends PublicJwk {
  readonly portcullis_use: typeof RECEIPT_USE;
}

export interface ReceiptKeys {
  readonly signing: SigningKey;
  /** For `/.well-known/jwks.json`, beside the keys of tokens. */
  readonly published: readonly ReceiptJwk[];
}

const SET_NAME = "receipt keys";

/** Throws an Error that never quotes the secret. */
export async function importReceiptKeys(
  receiptKeysJson: string,
  tokenKeys: KeyRing["keys"],
): Promise<ReceiptKeys> {
  const published = new Map<string, ReceiptJwk>();
  let signing: SigningKey | undefined;
  const parsed = parseKeySet(
    receiptKeysJson,
    SET_NAME,
    z
      .array(z.union([PrivateJwk, PublicHalf]))
      .min(1)
      .max(20),
  );
  for (const [index, jwk] of parsed.entries()) {
    const pair = "d" in jwk ? await importPair(jwk, SET_NAME, index) : null;
    const publicJwk = pair?.publicJwk ?? (await namedJwkOf(jwk, SET_NAME, index));
    if (published.has(publicJwk.kid)) throw new Error(`The ${SET_NAME} hold keys[${index}] twice.`);
    if (tokenKeys.has(publicJwk.kid))
      throw new Error(`The ${SET_NAME}' keys[${index}] signs tokens as well.`);
    published.set(publicJwk.kid, { ...publicJwk, portcullis_use: RECEIPT_USE });
    if (index > 0) continue;
    if (pair === null) throw new Error(`The ${SET_NAME}' keys[0], which signs, has no private half.`);
    const { keyId, algorithm, privateKey, endsAt } = pair;
    signing = { keyId, algorithm, privateKey, endsAt };
  }
  if (signing === undefined) throw new Error(`The ${SET_NAME} hold no key.`);
  return { signing, published: [...published.values()] };
}
