/** Signing receipts: on the way of every allowed request, so one signature each, with a key imported once. */
import { CompactSign } from "jose";
import { utf8Bytes } from "../kernel/encoding.ts";
import { type ReceiptFacts, receiptOf } from "../residency/receipt.ts";
import { jwsTypes } from "./jws-types.ts";
import type { ReceiptKeys } from "./receipt-keys.ts";

/** Explicit typing (RFC 8725, section 3.11): no verifier of another kind of JWT takes this for one of its own. */
export const RECEIPT_TYPE = jwsTypes.receipt;

export interface ReceiptSigner {
  /** @param record of an allowed decision, as it is sent to the log. */
  sign(record: ReceiptFacts): Promise<string>;
}

export function createReceiptSigner({ signing }: ReceiptKeys, issuer: string): ReceiptSigner {
  const header = { alg: signing.algorithm, typ: RECEIPT_TYPE, kid: signing.keyId };
  return {
    sign: async (record) =>
      new CompactSign(utf8Bytes(JSON.stringify(receiptOf(issuer, record))))
        .setProtectedHeader(header)
        .sign(signing.privateKey),
  };
}
