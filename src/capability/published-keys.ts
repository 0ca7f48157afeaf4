/**
 * What `/.well-known/jwks.json` shows: every key whose tokens or receipts are still good. A killed key is left out as soon
 * as this isolate has heard of it, and that is at most JWKS_READ_EVERY_MS after it was killed; whoever keeps the document
 * has it for JWKS_CACHE_SECONDS more. Gateways go by admission, never by this.
 */
import type { Clock } from "../kernel/clock.ts";
import { ok, type Result } from "../kernel/result.ts";
import { JWKS_READ_EVERY_MS } from "../kernel/token-limits.ts";
import type { PublicJwk } from "./ed25519-keys.ts";
import { type KeyRing, publicJwks } from "./key-ring.ts";
import { type KeyRecord, type WithdrawnKey, withdrawnKeyOf } from "./key-states.ts";
import type { ReceiptKeys } from "./receipt-keys.ts";

export type PublishedKeys = () => Promise<Result<{ readonly keys: readonly PublicJwk[] }>>;

interface PublishedKeysDeps {
  readonly keyRing: Pick<KeyRing, "keys">;
  readonly receiptKeys: Pick<ReceiptKeys, "published">;
  readonly records: () => Promise<Result<readonly KeyRecord[]>>;
  /** What this isolate knows without asking. */
  readonly withdrawnKeys: () => readonly WithdrawnKey[];
  readonly clock: Clock;
}

export function createPublishedKeys(deps: PublishedKeysDeps): PublishedKeys {
  const { keyRing, receiptKeys, records, withdrawnKeys, clock } = deps;
  let read: { readonly atMs: number; readonly withdrawn: readonly WithdrawnKey[] } | null = null;

  /** A key that was killed never comes back, so what was read before is good where nothing can be read. */
  async function withdrawnNow(): Promise<Result<readonly WithdrawnKey[]>> {
    const nowMs = clock();
    if (read !== null && nowMs >= read.atMs && nowMs < read.atMs + JWKS_READ_EVERY_MS)
      return ok(read.withdrawn);
    const asked = await records();
    if (!asked.ok) return read === null ? asked : ok(read.withdrawn);
    read = { atMs: nowMs, withdrawn: asked.value.flatMap((record) => withdrawnKeyOf(record) ?? []) };
    return ok(read.withdrawn);
  }

  return async () => {
    const withdrawn = await withdrawnNow();
    if (!withdrawn.ok) return withdrawn;
    const ofTokens = publicJwks(keyRing, [...withdrawn.value, ...withdrawnKeys()]);
    return ok({ keys: [...ofTokens, ...receiptKeys.published] });
  };
}
