/**
 * The public key of an agent, with which it proves that a token is its own: Ed25519 or P-256, in one canonical form.
 * Whether its coordinates are a point is a matter of `canBeHeld`, which whoever registers a key must ask.
 */
import { type CryptoKey, calculateJwkThumbprint, importJWK } from "jose";
import * as z from "zod";
import { fromBase64Url } from "../kernel/encoding.ts";
import { isEd25519PublicKey } from "./ed25519-point.ts";

const COORDINATE_BYTES = 32;

const coordinate = z
  .string()
  .refine((text) => fromBase64Url(text)?.length === COORDINATE_BYTES, "must be 32 bytes in base64url");

const ed25519 = { kty: z.literal("OKP"), crv: z.literal("Ed25519"), x: coordinate };
const p256 = { kty: z.literal("EC"), crv: z.literal("P-256"), x: coordinate, y: coordinate };

/** Exactly the members that its thumbprint is made of (RFC 7638, section 3.2). */
export const HolderKey = z.discriminatedUnion("kty", [z.strictObject(ed25519), z.strictObject(p256)]);
export type HolderKey = z.infer<typeof HolderKey>;

/** What tools add to a public key and says nothing that is not known: taken, and left out of what is kept. */
const asExported = {
  use: z.literal("sig").optional(),
  key_ops: z.tuple([z.literal("verify")]).optional(),
  ext: z.boolean().optional(),
  kid: z.string().max(256).optional(),
};

/** As it is registered. A private member, or a key for anything but signatures, is refused. */
export const HolderKeyInput = z.discriminatedUnion("kty", [
  z.strictObject({ ...ed25519, ...asExported, alg: z.enum(["EdDSA", "Ed25519"]).optional() }),
  z.strictObject({ ...p256, ...asExported, alg: z.literal("ES256").optional() }),
]);
export type HolderKeyInput = z.infer<typeof HolderKeyInput>;

export const Thumbprint = coordinate.brand<"Thumbprint">();
export type Thumbprint = z.infer<typeof Thumbprint>;

/** Each key has exactly one algorithm (RFC 8725, section 3.1). */
export const proofAlgorithms = { OKP: "EdDSA", EC: "ES256" } as const satisfies Record<
  HolderKey["kty"],
  string
>;

export const canonicalKey = (key: HolderKey | HolderKeyInput): HolderKey =>
  key.kty === "OKP"
    ? { kty: key.kty, crv: key.crv, x: key.x }
    : { kty: key.kty, crv: key.crv, x: key.x, y: key.y };

export const thumbprintOf = async (key: HolderKey): Promise<Thumbprint> =>
  Thumbprint.parse(await calculateJwkThumbprint(canonicalKey(key), "sha256"));

/** Whether only the holder of its private half can sign with it: asked when it is registered, and too slow for each call. */
export async function canBeHeld(key: HolderKey): Promise<boolean> {
  if (key.kty === "OKP" && !isEd25519PublicKey(fromBase64Url(key.x) ?? new Uint8Array())) return false;
  return (await importHolderKey(key)) !== undefined;
}

/** Undefined where the platform does not take it for one. */
export async function importHolderKey(key: HolderKey): Promise<CryptoKey | undefined> {
  try {
    const imported = await importJWK(canonicalKey(key), proofAlgorithms[key.kty]);
    // jose answers bytes only for symmetric keys.
    return imported instanceof Uint8Array ? undefined : imported;
  } catch {
    return undefined;
  }
}
