// Three signing keys, and what the platform's database may know of one.
import { importKeyRing } from "../../../src/capability/key-ring.ts";
import type { KeyRecord, KeyState } from "../../../src/capability/key-states.ts";
import { timestampOf } from "../../../src/kernel/timestamp.ts";
import { jwksText, NOW_MS, newPrivateJwk, rfc8037Jwk } from "./token-fixture.ts";

export const ringOfThree = await importKeyRing(
  jwksText(rfc8037Jwk, await newPrivateJwk(), await newPrivateJwk()),
);

/** Published a day ago, and since then what its state says. */
export function recordOf(keyId: string, state: KeyState, changes: Partial<KeyRecord> = {}): KeyRecord {
  const now = timestampOf(NOW_MS);
  return {
    keyId,
    state,
    publishedAt: timestampOf(NOW_MS - 86_400_000),
    signingAt: state === "signing" ? now : null,
    reason: null,
    ...changes,
    retiredAt: state === "retired" ? (changes.retiredAt ?? now) : null,
    killedAt: state === "killed" ? (changes.killedAt ?? now) : null,
  };
}
