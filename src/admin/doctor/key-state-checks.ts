/** The check of what the states of signing keys ask somebody to do: promote one, take one out, put one back. */

import type { SigningKeySet, SigningKeyView } from "../../capability/signing-key-view.ts";
import { DAY_MS } from "../../kernel/clock.ts";
import { hasEnded } from "../../kernel/timestamp.ts";
import type { Check, Found } from "./check.ts";

/** A key that waits longer than this for its promotion was perhaps forgotten. */
const FORGOTTEN_AFTER_DAYS = 7;

const keyStates: Check = {
  id: "key_states",
  looksAt: `signing keys that wait to be promoted (a warning after ${FORGOTTEN_AFTER_DAYS} days), that may leave the secret, that were killed and are still in it, or that should sign and are not in it`,
  well: "No signing key waits for anybody.",
  needs: [],
  find({ keySet, gatheredAtMs }) {
    if (keySet === null) return [unread];
    return keySet.keys.flatMap((key): readonly Found[] => foundOf[key.state](key, keySet, gatheredAtMs));
  },
};

const unread: Found = {
  severity: "warning",
  subject: null,
  sentence:
    "The states of the signing keys could not be read: what is said of signing keys goes by the secret alone.",
  remedy: "Ask again when the platform database answers and has its migrations.",
};

type Finder = (key: SigningKeyView, keySet: SigningKeySet, nowMs: number) => readonly Found[];

const foundOf: Readonly<Record<SigningKeyView["state"], Finder>> = {
  published({ keyId, inSecret, endsAt, publishedAt, promotableAt }, { signingKeyId }, nowMs) {
    if (!inSecret || keyId === signingKeyId || hasEnded(endsAt, nowMs)) return [];
    if (publishedAt === null || promotableAt === null || !hasEnded(promotableAt, nowMs)) return [];
    const isForgotten = nowMs - Date.parse(publishedAt) > FORGOTTEN_AFTER_DAYS * DAY_MS;
    return [
      {
        severity: isForgotten ? "warning" : "note",
        subject: keyId,
        sentence: `${keyId} has been published since ${publishedAt} and was never promoted.`,
        remedy: "Promote it with `portcullis keys rotate`, or take it out of SIGNING_KEYS.",
      },
    ];
  },
  signing: ({ keyId, inSecret }, { signingKeyId }) =>
    inSecret
      ? []
      : [
          {
            severity: "warning",
            subject: keyId,
            sentence: `${keyId} was promoted and is not in SIGNING_KEYS: ${signingKeyId === null ? "nothing" : signingKeyId} signs instead, and its own tokens are refused (\`token_key_unknown\`).`,
            remedy: "Put it back into SIGNING_KEYS, or promote another with `portcullis keys rotate`.",
          },
        ],
  retired({ keyId, inSecret, verifiesUntil }, _, nowMs) {
    if (!inSecret) return [];
    const isOver = hasEnded(verifiesUntil, nowMs);
    return [
      {
        severity: isOver ? "warning" : "note",
        subject: keyId,
        sentence: isOver
          ? `${keyId} is retired, and its last token expired by ${verifiesUntil}: it may leave the secret.`
          : `${keyId} is retired; its last tokens are good until ${verifiesUntil}.`,
        remedy: isOver ? "Take it out of SIGNING_KEYS." : "Leave it in SIGNING_KEYS until then.",
      },
    ];
  },
  killed: ({ keyId, inSecret }) =>
    inSecret
      ? [
          {
            severity: "warning",
            subject: keyId,
            sentence: `${keyId} was killed and is still in SIGNING_KEYS: a version of the Worker from before key states would accept its tokens.`,
            remedy: "Take it out of SIGNING_KEYS.",
          },
        ]
      : [],
};

export const keyStateChecks: readonly Check[] = [keyStates];
