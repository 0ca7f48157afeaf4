/**
 * The life of a key that signs tokens: published (others may know it), signing, retired (what it signed stays good),
 * killed (nothing it signed does). It only ever goes forward. The keys are in a Worker secret; their states are state of
 * the platform, and a key without one is published, so a deployment that never wrote any goes by its secret alone. Pure.
 */
import * as z from "zod";
import { SECOND_MS } from "../kernel/clock.ts";
import { hasEnded, Timestamp, timestampOf } from "../kernel/timestamp.ts";
import { KEY_RETIRED_GRACE_SECONDS, TOKEN_MAX_SECONDS } from "../kernel/token-limits.ts";
import type { SigningKey } from "./ed25519-keys.ts";
import type { KeyRing } from "./key-ring.ts";

/** An RFC 7638 thumbprint (SHA-256). */
export const KeyId = z.string().regex(/^[A-Za-z0-9_-]{43}$/, "must be a key's RFC 7638 thumbprint");

export const KeyState = z.enum(["published", "signing", "retired", "killed"]);
export type KeyState = z.infer<typeof KeyState>;

/** What the platform's database knows of a key. */
export const KeyRecord = z.strictObject({
  keyId: KeyId,
  state: KeyState,
  /** When the gateway first saw it in the secret. */
  publishedAt: Timestamp,
  signingAt: Timestamp.nullable(),
  retiredAt: Timestamp.nullable(),
  killedAt: Timestamp.nullable(),
  /** Why it was killed, or promoted before its time. */
  reason: z.string().nullable(),
});
export type KeyRecord = z.infer<typeof KeyRecord>;

/** A key whose tokens are no longer all good. That is final, so old knowledge of it is never wrong. */
export const WithdrawnKey = z.strictObject({
  keyId: KeyId,
  /** Of the last of its tokens that are good; null = none is, since it was killed. */
  lastIssuedAt: Timestamp.nullable(),
});
export type WithdrawnKey = z.infer<typeof WithdrawnKey>;

/**
 * A retired key is withdrawn as well: whoever stole it could else date tokens for as long as it stands in the secret. The
 * grace is for a token that was being signed while its key was retired.
 */
const lastIssueMs = (retiredAt: Timestamp): number =>
  Date.parse(retiredAt) + KEY_RETIRED_GRACE_SECONDS * SECOND_MS;

export function withdrawnKeyOf({ keyId, state, retiredAt }: KeyRecord): WithdrawnKey | null {
  if (state === "killed") return { keyId, lastIssuedAt: null };
  if (state !== "retired" || retiredAt === null) return null;
  return { keyId, lastIssuedAt: timestampOf(lastIssueMs(retiredAt)) };
}

/** A key, and the date of the last that it signed of what a token stands on. */
export interface SignedBy {
  readonly keyId: string;
  readonly issuedAtSeconds: number;
}

/** Whether any key that a token stands on was withdrawn from what it signed of it. */
export const isWithdrawn = (
  { signedBy }: { readonly signedBy: readonly SignedBy[] },
  withdrawn: readonly WithdrawnKey[],
): boolean =>
  withdrawn.some(({ keyId, lastIssuedAt }) =>
    signedBy.some(
      (signed) =>
        signed.keyId === keyId &&
        // Written so that a date that is none withdraws.
        (lastIssuedAt === null || !(signed.issuedAtSeconds * SECOND_MS <= Date.parse(lastIssuedAt))),
    ),
  );

/** Until when tokens of a key are accepted; null = no end is known. */
export function verifiesUntil(
  { endsAt }: Pick<SigningKey, "endsAt">,
  record: KeyRecord | undefined,
): Timestamp | null {
  if (record?.state === "killed") return record.killedAt;
  const lastIssuesMs = [
    ...(endsAt === null ? [] : [Date.parse(endsAt)]),
    ...(record?.state === "retired" && record.retiredAt !== null ? [lastIssueMs(record.retiredAt)] : []),
  ];
  return lastIssuesMs.length === 0
    ? null
    : timestampOf(Math.min(...lastIssuesMs) + TOKEN_MAX_SECONDS * SECOND_MS);
}

export const stateIn = (records: readonly KeyRecord[], keyId: string): KeyState =>
  records.find((record) => record.keyId === keyId)?.state ?? "published";

/**
 * The key that signs: the promoted one, and where that has ended, left the secret or was killed (or none ever was
 * promoted) the first published one of the secret. Undefined where none is left.
 */
export function signerOf(
  { signers }: Pick<KeyRing, "signers">,
  records: readonly KeyRecord[],
  nowMs: number,
): SigningKey | undefined {
  const going = signers.filter(({ endsAt }) => !hasEnded(endsAt, nowMs));
  const first = (state: KeyState) => going.find(({ keyId }) => stateIn(records, keyId) === state);
  return first("signing") ?? first("published");
}
