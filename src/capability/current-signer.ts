/** The key that signs at this moment, by the states as they stand in the database: nothing is signed on old knowledge. */
import { refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import type { SigningKey } from "./ed25519-keys.ts";
import type { KeyRing } from "./key-ring.ts";
import { type KeyRecord, signerOf } from "./key-states.ts";

export type CurrentSigner = (nowMs: number) => Promise<Result<SigningKey>>;

interface KeyRecords {
  all(): Promise<Result<readonly KeyRecord[]>>;
}

export const createCurrentSigner =
  (keyRing: Pick<KeyRing, "signers">, records: KeyRecords): CurrentSigner =>
  async (nowMs) => {
    const read = await records.all();
    if (!read.ok) return read;
    const signer = signerOf(keyRing, read.value, nowMs);
    return signer === undefined ? fail(refuse("signing_keys_ended")) : ok(signer);
  };
