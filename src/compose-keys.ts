/** The keys of tokens and receipts, and all that is made of them. Called by compose.ts alone. */
import type { Config } from "./bindings.ts";
import { createCurrentSigner } from "./capability/current-signer.ts";
import { importKeyRing } from "./capability/key-ring.ts";
import { createPublishedKeys } from "./capability/published-keys.ts";
import { importReceiptKeys } from "./capability/receipt-keys.ts";
import type { SigningKeyStore } from "./capability/signing-keys.store.ts";
import { createTokenVerifier } from "./capability/verify-token.ts";
import type { Clock } from "./kernel/clock.ts";
import type { Snapshots } from "./policy/snapshots.ts";
import type { Home } from "./residency/home.ts";

interface Means {
  readonly signingKeys: SigningKeyStore;
  readonly snapshots: Pick<Snapshots, "withdrawnKeys">;
  readonly homes: readonly Home[];
  readonly clock: Clock;
}

/** Throws an Error that never quotes a secret. */
export async function composeKeys(
  { signingKeys: signingKeysJson, receiptKeys: receiptKeysJson, issuer, audience }: Config,
  { signingKeys, snapshots: { withdrawnKeys }, homes, clock }: Means,
) {
  const keyRing = await importKeyRing(signingKeysJson);
  const receiptKeys = await importReceiptKeys(receiptKeysJson, keyRing.keys);
  const records = signingKeys.all;
  return {
    keyRing,
    receiptKeys,
    verifier: createTokenVerifier({ keyRing, issuer, audience, homes, withdrawnKeys }),
    currentSigner: createCurrentSigner(keyRing, signingKeys),
    publishedKeys: createPublishedKeys({ keyRing, receiptKeys, records, withdrawnKeys, clock }),
  };
}
