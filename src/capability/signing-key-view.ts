/** The signing keys as the control plane and the doctor show them: secret and states side by side. Pure. */
import * as z from "zod";
import { SECOND_MS } from "../kernel/clock.ts";
import { Timestamp, timestampOf } from "../kernel/timestamp.ts";
import { JWKS_CACHE_SECONDS } from "../kernel/token-limits.ts";
import type { KeyRing } from "./key-ring.ts";
import { KeyId, type KeyRecord, KeyState, signerOf, stateIn, verifiesUntil } from "./key-states.ts";

const moment = (description: string) => Timestamp.nullable().meta({ description });

export const SigningKeyView = z.strictObject({
  keyId: KeyId,
  state: KeyState,
  inSecret: z.boolean().meta({ description: "Whether the secret `SIGNING_KEYS` holds it." }),
  endsAt: moment("The end that the secret says of it: it signs nothing later. Null = none."),
  publishedAt: moment("When the gateway first saw it in the secret."),
  promotableAt: moment("From when on it can be promoted without force. Null = it is not published."),
  signingAt: moment("When it was promoted."),
  retiredAt: moment("When another key was promoted in its place."),
  killedAt: moment("When it was killed."),
  verifiesUntil: moment(
    "Until when tokens of this key are accepted: then it can leave the secret. Null = no end is known.",
  ),
  reason: z
    .string()
    .nullable()
    .meta({ description: "Why it was killed, or promoted before its time, as its author said." }),
});
export type SigningKeyView = z.infer<typeof SigningKeyView>;

export const SigningKeySet = z.strictObject({
  signingKeyId: KeyId.nullable().meta({
    description:
      "The key that signs now: the promoted one, or the first published one where none is. Null = no token can be issued.",
  }),
  keys: z
    .array(SigningKeyView)
    .meta({ description: "In the order of the secret; then those that have left it." }),
});
export type SigningKeySet = z.infer<typeof SigningKeySet>;

export const promotableAtMs = ({ publishedAt }: Pick<KeyRecord, "publishedAt">): number =>
  Date.parse(publishedAt) + JWKS_CACHE_SECONDS * SECOND_MS;

export function signingKeySet(
  keyRing: Pick<KeyRing, "signers">,
  records: readonly KeyRecord[],
  nowMs: number,
): SigningKeySet {
  const { signers } = keyRing;
  const left = records.filter(({ keyId }) => !signers.some((signer) => signer.keyId === keyId));
  return {
    signingKeyId: signerOf(keyRing, records, nowMs)?.keyId ?? null,
    keys: [
      ...signers.map(({ keyId, endsAt }) => viewOf(keyId, endsAt, true, records)),
      ...left.map(({ keyId }) => viewOf(keyId, null, false, records)),
    ],
  };
}

function viewOf(
  keyId: string,
  endsAt: Timestamp | null,
  inSecret: boolean,
  records: readonly KeyRecord[],
): SigningKeyView {
  const record = records.find((one) => one.keyId === keyId);
  const state = stateIn(records, keyId);
  return {
    keyId,
    state,
    inSecret,
    endsAt,
    publishedAt: record?.publishedAt ?? null,
    promotableAt: record !== undefined && state === "published" ? timestampOf(promotableAtMs(record)) : null,
    signingAt: record?.signingAt ?? null,
    retiredAt: record?.retiredAt ?? null,
    killedAt: record?.killedAt ?? null,
    verifiesUntil: verifiesUntil({ endsAt }, record),
    reason: record?.reason ?? null,
  };
}
