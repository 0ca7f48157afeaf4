/**
 * Ed25519 keys from Worker secrets: imported once per isolate as keys that cannot be exported, each named by its RFC 7638
 * thumbprint. Errors name the set and the place of the mistake and never quote the secret.
 */
import { type CryptoKey, calculateJwkThumbprint, importJWK } from "jose";
import * as z from "zod";
import { fromBase64Url, utf8Bytes } from "../kernel/encoding.ts";
import { type Timestamp, timestampOf } from "../kernel/timestamp.ts";
import type { KeySetName } from "./parse-key-set.ts";

/** RFC 8725bis: each key has exactly one algorithm. All of ours have this one. */
export const KEY_ALGORITHM = "EdDSA";

const keyBytes = z.string().refine((text) => fromBase64Url(text)?.length === 32);
/** Until when the key is meant to be used, in seconds of the epoch, as some key sets have it; never published. */
const numericDate = z.int().min(1).max(253_402_300_799);
const publicHalf = {
  kty: z.literal("OKP"),
  crv: z.literal("Ed25519"),
  x: keyBytes,
  exp: numericDate.optional(),
  /** Only its thumbprint names a key here; other tools write a name into what they make. */
  kid: z.string().optional(),
};
export const PrivateJwk = z.strictObject({ ...publicHalf, d: keyBytes });
export type PrivateJwk = z.infer<typeof PrivateJwk>;
/** What is left of a key whose private half was destroyed. */
export const PublicHalf = z.strictObject(publicHalf);
export type PublicHalf = z.infer<typeof PublicHalf>;

export interface PublicJwk {
  readonly kty: "OKP";
  readonly crv: "Ed25519";
  readonly x: string;
  readonly kid: string;
  readonly alg: typeof KEY_ALGORITHM;
  readonly use: "sig";
}

export interface SigningKey {
  readonly keyId: string;
  readonly algorithm: typeof KEY_ALGORITHM;
  /** Not extractable. */
  readonly privateKey: CryptoKey;
  /** Null = it is meant to be used until it is taken out of the set. */
  readonly endsAt: Timestamp | null;
}

export interface ImportedPair extends SigningKey {
  readonly publicKey: CryptoKey;
  readonly publicJwk: PublicJwk;
}

async function publicJwkOf({ kty, crv, x }: PublicHalf): Promise<PublicJwk> {
  const keyId = await calculateJwkThumbprint({ kty, crv, x }, "sha256");
  return { kty, crv, x, kid: keyId, alg: KEY_ALGORITHM, use: "sig" };
}

/** Throws where a key carries another name than its own: whoever looks for that name would never find it. */
export async function namedJwkOf(jwk: PublicHalf, setName: KeySetName, index: number): Promise<PublicJwk> {
  const publicJwk = await publicJwkOf(jwk);
  if (jwk.kid !== undefined && jwk.kid !== publicJwk.kid)
    throw new Error(`The ${setName}' keys[${index}] has a \`kid\` that is not its RFC 7638 thumbprint.`);
  return publicJwk;
}

/** Throws an Error without a cause: importers may quote what they were given. */
export async function importPair(jwk: PrivateJwk, setName: KeySetName, index: number): Promise<ImportedPair> {
  const publicJwk = await namedJwkOf(jwk, setName, index);
  const pair = await importBoth(jwk).catch(() => undefined);
  // A public half that does not belong to the private one would be published, and refuse all that we sign.
  if (pair === undefined || !(await belongTogether(pair))) {
    throw new Error(`The ${setName}' keys[${index}] is not an Ed25519 key pair.`);
  }
  const endsAt = jwk.exp === undefined ? null : timestampOf(jwk.exp * 1_000);
  return { ...pair, keyId: publicJwk.kid, algorithm: KEY_ALGORITHM, publicJwk, endsAt };
}

type Halves = Pick<ImportedPair, "privateKey" | "publicKey">;

async function importBoth({ kty, crv, x, d }: PrivateJwk): Promise<Halves | undefined> {
  const privateKey = await importJWK({ kty, crv, x, d }, KEY_ALGORITHM, { extractable: false });
  const publicKey = await importJWK({ kty, crv, x }, KEY_ALGORITHM);
  // jose answers bytes only for symmetric keys.
  if (privateKey instanceof Uint8Array || publicKey instanceof Uint8Array) return undefined;
  return { privateKey, publicKey };
}

async function belongTogether({ privateKey, publicKey }: Halves): Promise<boolean> {
  const probe = utf8Bytes("portcullis key probe");
  const signature = await crypto.subtle.sign("Ed25519", privateKey, probe);
  return crypto.subtle.verify("Ed25519", publicKey, signature, probe);
}
