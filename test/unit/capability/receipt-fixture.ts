// A signer with keys of its own beside the token fixture's, and records for it to sign; also used by the tests of the command line.
import { publicJwks } from "../../../src/capability/key-ring.ts";
import { importReceiptKeys, type ReceiptKeys } from "../../../src/capability/receipt-keys.ts";
import { createReceiptSigner, RECEIPT_TYPE } from "../../../src/capability/sign-receipt.ts";
import { type PublishedKeys, verifyReceipt } from "../../../src/capability/verify-receipt.ts";
import { toBase64Url, utf8Bytes } from "../../../src/kernel/encoding.ts";
import { receiptOf } from "../../../src/residency/receipt.ts";
import { decisionRecord } from "../audit/record-fixture.ts";
import { ISSUER, jwksText, keyRing, newPrivateJwk, segment } from "./token-fixture.ts";

export const receiptKeys: ReceiptKeys = await importReceiptKeys(
  jwksText(await newPrivateJwk()),
  keyRing.keys,
);
export const foreignReceiptKeys: ReceiptKeys = await importReceiptKeys(
  jwksText(await newPrivateJwk()),
  keyRing.keys,
);

/** What a gateway publishes: its keys for tokens, and those for receipts. */
export const jwks: PublishedKeys = publishedBy(receiptKeys);
function publishedBy({ published }: ReceiptKeys): PublishedKeys {
  const keys = [...publicJwks(keyRing, []), ...published];
  return { keys: keys.map((key) => ({ ...key })) };
}

export const allowedRecord = decisionRecord({
  backend: { id: `backend_${"0".repeat(31)}7`, region: "swedencentral", sku: "DataZoneStandard" },
});
export const signer = createReceiptSigner(receiptKeys, ISSUER);
export const validReceipt = await signer.sign(allowedRecord);

export const goodHeader = { alg: "EdDSA", typ: RECEIPT_TYPE, kid: receiptKeys.signing.keyId };
export const goodClaims = receiptOf(ISSUER, allowedRecord);

/** Signs any two texts as header and payload, with the key of receipts unless told otherwise. */
export async function signTexts(
  header: string,
  payload: string,
  { signing }: Pick<ReceiptKeys, "signing"> = receiptKeys,
): Promise<string> {
  const input = `${segment(header)}.${segment(payload)}`;
  const signature = await crypto.subtle.sign("Ed25519", signing.privateKey, utf8Bytes(input));
  return `${input}.${toBase64Url(new Uint8Array(signature))}`;
}
export const signHeader = (header: object): Promise<string> =>
  signTexts(JSON.stringify(header), JSON.stringify(goodClaims));
export const signClaims = (changes: object): Promise<string> =>
  signTexts(JSON.stringify(goodHeader), JSON.stringify({ ...goodClaims, ...changes }));

export async function verdictOf(receipt: string, keys: PublishedKeys = jwks): Promise<string> {
  const result = await verifyReceipt(receipt, keys);
  return result.ok ? "valid" : result.error;
}
