/**
 * The states of signing keys, after every key of the secret has been noted as seen: from then on it counts as published.
 * The schedule does so each minute, so a key is known to be published soon after its Worker is deployed.
 */
import type { KeyRing } from "../capability/key-ring.ts";
import type { KeyRecord } from "../capability/key-states.ts";
import type { SigningKeyStore } from "../capability/signing-keys.store.ts";
import type { Clock } from "../kernel/clock.ts";
import type { Result } from "../kernel/result.ts";
import { timestampOf } from "../kernel/timestamp.ts";

interface Deps {
  readonly signingKeys: Pick<SigningKeyStore, "all" | "noteSeen">;
  readonly keyRing: Pick<KeyRing, "signers">;
  readonly clock: Clock;
}

export async function notedKeyRecords({
  signingKeys,
  keyRing,
  clock,
}: Deps): Promise<Result<readonly KeyRecord[]>> {
  const records = await signingKeys.all();
  if (!records.ok) return records;
  const unseen = keyRing.signers
    .map(({ keyId }) => keyId)
    .filter((keyId) => !records.value.some((record) => record.keyId === keyId));
  if (unseen.length === 0) return records;
  const noted = await signingKeys.noteSeen(unseen, timestampOf(clock()));
  return noted.ok ? signingKeys.all() : noted;
}
