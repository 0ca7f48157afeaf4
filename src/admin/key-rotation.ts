/** What becomes of the states of signing keys when one is promoted, or killed: the records to be written, in order. Pure. */
import type { SigningKey } from "../capability/ed25519-keys.ts";
import type { KeyRing } from "../capability/key-ring.ts";
import { type KeyRecord, signerOf, stateIn } from "../capability/key-states.ts";
import { promotableAtMs } from "../capability/signing-key-view.ts";
import { MINUTE_MS } from "../kernel/clock.ts";
import { type Refusal, refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { hasEnded, timestampOf } from "../kernel/timestamp.ts";

export interface KeyChange {
  readonly keyId: string;
  /** In this order: no two sign at once, not for a statement. */
  readonly changed: readonly KeyRecord[];
  /** All, as they stand afterwards. */
  readonly after: readonly KeyRecord[];
}

type Ring = Pick<KeyRing, "signers">;

export interface Promotion {
  /** Absent = the one published key of the secret that does not sign already. */
  readonly keyId?: string | undefined;
  /** Promotes a key that caches may lack. */
  readonly forceReason?: string | undefined;
}

/** @param records also of every key of the secret: they are noted before. */
export function planRotation(
  ring: Ring,
  records: readonly KeyRecord[],
  { keyId, forceReason }: Promotion,
  nowMs: number,
): Result<KeyChange> {
  const promoted = keyToPromote(ring, records, keyId, nowMs);
  if (!promoted.ok) return promoted;
  const record = promoted.value;
  if (forceReason === undefined && nowMs < promotableAtMs(record)) return fail(tooRecently(record, nowMs));
  const now = timestampOf(nowMs);
  const signsNow = signerOf(ring, records, nowMs)?.keyId;
  const retired = records
    .filter((one) => one.keyId !== record.keyId && (one.state === "signing" || one.keyId === signsNow))
    .map((one): KeyRecord => ({ ...one, state: "retired", retiredAt: now }));
  const signing: KeyRecord = { ...record, state: "signing", signingAt: now, reason: forceReason ?? null };
  return ok(changeOf(record.keyId, records, [...retired, signing]));
}

function keyToPromote(
  ring: Ring,
  records: readonly KeyRecord[],
  keyId: string | undefined,
  nowMs: number,
): Result<KeyRecord> {
  const key =
    keyId === undefined
      ? nextKey(ring, records, nowMs)
      : (ring.signers.find((one) => one.keyId === keyId) ??
        refuse("not_found", { field: "keyId", message: "`SIGNING_KEYS` holds no such key." }));
  if ("code" in key) return fail(key);
  const record = records.find((one) => one.keyId === key.keyId);
  if (record === undefined) return fail(refuse("store_unavailable"));
  if (hasEnded(key.endsAt, nowMs))
    return fail(conflict("The key has reached the end that the secret says of it."));
  return record.state === "published" ? ok(record) : fail(conflict(whyNot[record.state]));
}

/** Only where there is no choice: so of two promotions at once that name no key, one finds nothing to do. */
function nextKey(ring: Ring, records: readonly KeyRecord[], nowMs: number): SigningKey | Refusal {
  const signsNow = signerOf(ring, records, nowMs)?.keyId;
  const [next, ...others] = ring.signers.filter(
    ({ keyId, endsAt }) =>
      keyId !== signsNow && stateIn(records, keyId) === "published" && !hasEnded(endsAt, nowMs),
  );
  if (next === undefined)
    return conflict("No key of `SIGNING_KEYS` is published that does not sign already: add one first.");
  return others.length === 0 ? next : conflict("Several keys of `SIGNING_KEYS` are published: name one.");
}

const whyNot = {
  signing: "The key signs already.",
  retired: "The key is retired, and does not sign again.",
  killed: "The key was killed.",
} as const;

const conflict = (message: string): Refusal => refuse("key_state_conflict", { field: "keyId", message });

function tooRecently(record: KeyRecord, nowMs: number): Refusal {
  const atMs = promotableAtMs(record);
  return refuse("key_published_too_recently", {
    field: "keyId",
    message: `The key was published at ${record.publishedAt}: caches have it by ${timestampOf(atMs)}. Wait until then, or force it with a reason.`,
    // Clients are not told to sleep for minutes.
    ...(atMs - nowMs <= MINUTE_MS ? { retryAfterSeconds: Math.ceil((atMs - nowMs) / 1_000) } : {}),
  });
}

/** Killed again, a key keeps its first moment and reason. Null = nobody has heard of this key. */
export function planKill(
  ring: Ring,
  records: readonly KeyRecord[],
  keyId: string,
  reason: string,
  nowMs: number,
): KeyChange | null {
  const now = timestampOf(nowMs);
  const known = records.find((record) => record.keyId === keyId);
  if (known === undefined && !ring.signers.some((signer) => signer.keyId === keyId)) return null;
  const before = known ?? { ...unwritten, keyId, publishedAt: now };
  const killed: KeyRecord =
    before.state === "killed" ? before : { ...before, state: "killed", killedAt: now, reason };
  return changeOf(keyId, records, [killed]);
}

const unwritten = {
  state: "published",
  signingAt: null,
  retiredAt: null,
  killedAt: null,
  reason: null,
} as const;

function changeOf(keyId: string, records: readonly KeyRecord[], changed: readonly KeyRecord[]): KeyChange {
  const others = records.filter((record) => !changed.some((one) => one.keyId === record.keyId));
  return { keyId, changed, after: [...others, ...changed].toSorted((a, b) => (a.keyId < b.keyId ? -1 : 1)) };
}
