/**
 * From a receipt to the facts it states, or to the one thing that is wrong with it. Needs nothing but the published
 * keys, so that it runs wherever a receipt is looked at. Never used by the gateway: to it, a receipt is no credential.
 */
import { compactVerify, importJWK } from "jose";
import * as z from "zod";
import { fail, ok, type Result } from "../kernel/result.ts";
import { Receipt } from "../residency/receipt.ts";
import { readCompactJws } from "./compact-jws.ts";
import { KEY_ALGORITHM } from "./ed25519-keys.ts";
import { RECEIPT_USE } from "./receipt-keys.ts";
import { RECEIPT_TYPE } from "./sign-receipt.ts";

export const receiptFaults = {
  malformed: "It is no compact JWS in its one canonical spelling.",
  header_invalid: "Its header has other members than alg, typ and kid.",
  algorithm_invalid: `Its algorithm is not ${KEY_ALGORITHM}.`,
  type_invalid: `Its type is not ${RECEIPT_TYPE}: it is no receipt.`,
  key_unknown: "Its key is not in the key set.",
  key_not_for_receipts: "Its key is in the key set, but not as a key for receipts.",
  signature_invalid: "Its signature is not that of its key.",
  claims_invalid: "Its key signed it, but it does not state what a receipt states.",
} as const;
export type ReceiptFault = keyof typeof receiptFaults;

export interface VerifiedReceipt {
  readonly receipt: Receipt;
  readonly keyId: string;
}

/** A receipt of the gateway has less than 1 KB; what is far longer is not worth decoding. */
const MAX_RECEIPT_CHARACTERS = 8_192;

/** A key that is no Ed25519 key is as good as absent: a set may hold keys of all kinds (RFC 7517, section 5). */
const ReceiptKey = z.object({
  kty: z.literal("OKP"),
  crv: z.literal("Ed25519"),
  x: z.string(),
  kid: z.string(),
  alg: z.literal(KEY_ALGORITHM),
  portcullis_use: z.literal(RECEIPT_USE),
});
export const PublishedKeys = z.object({ keys: z.array(z.looseObject({})) });
export type PublishedKeys = z.infer<typeof PublishedKeys>;

const ReceiptHeader = z.strictObject({ alg: z.string(), typ: z.string(), kid: z.string() });

export async function verifyReceipt(
  text: string,
  { keys }: PublishedKeys,
): Promise<Result<VerifiedReceipt, ReceiptFault>> {
  const jws = text.length > MAX_RECEIPT_CHARACTERS ? undefined : readCompactJws(text);
  if (jws === undefined) return fail("malformed");
  const header = ReceiptHeader.safeParse(jws.header);
  if (!header.success) return fail("header_invalid");
  const { alg, typ, kid } = header.data;
  if (typ !== RECEIPT_TYPE) return fail("type_invalid");
  if (alg !== KEY_ALGORITHM) return fail("algorithm_invalid");

  const named = keys.filter((key) => key.kid === kid);
  if (named.length === 0) return fail("key_unknown");
  // Two keys of one name would leave it to the order which of them verifies.
  const key = named.length === 1 ? ReceiptKey.safeParse(named[0]).data : undefined;
  if (key === undefined) return fail("key_not_for_receipts");
  if (!(await isSignedBy(key, text))) return fail("signature_invalid");

  const receipt = Receipt.safeParse(jws.payload);
  return receipt.success ? ok({ receipt: receipt.data, keyId: kid }) : fail("claims_invalid");
}

/** jose throws for a wrong signature and for a key that is none: both say that this key did not sign it. */
async function isSignedBy({ kty, crv, x }: z.infer<typeof ReceiptKey>, text: string): Promise<boolean> {
  try {
    await compactVerify(text, await importJWK({ kty, crv, x }, KEY_ALGORITHM), {
      algorithms: [KEY_ALGORITHM],
    });
    return true;
  } catch {
    return false;
  }
}
