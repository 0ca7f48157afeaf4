/** Checks of the keys that sign tokens and receipts: which ones do, and until when they are meant to. */
import { DAY_MS } from "../../kernel/clock.ts";
import { hasEnded } from "../../kernel/timestamp.ts";
import { type Check, type Found, named } from "./check.ts";
import { type DoctorFacts, KEY_NEAR_END_DAYS, type SigningKeyFact } from "./facts.ts";

const isNearEnd = ({ endsAt }: SigningKeyFact, { gatheredAtMs }: DoctorFacts): boolean =>
  !hasEnded(endsAt, gatheredAtMs) && hasEnded(endsAt, gatheredAtMs + KEY_NEAR_END_DAYS * DAY_MS);

const ROTATE_SIGNING =
  "add a new key at the end of SIGNING_KEYS (`portcullis keys new`), promote it after five minutes (`portcullis keys rotate`), remove the old one when this report says so.";
const ROTATE_RECEIPTS =
  "add the new key at the front of RECEIPT_KEYS, keep the old one behind it without its `d`.";

const signingKeys: Check = {
  id: "signing_keys",
  looksAt: `which keys sign and verify tokens, and their ends, from ${KEY_NEAR_END_DAYS} days before; one without an end tells no age`,
  well: "There are signing keys.",
  needs: [],
  find(facts) {
    const all = facts.signingKeys;
    const [signing] = all.filter(({ endsAt }) => !hasEnded(endsAt, facts.gatheredAtMs));
    const [first] = all;
    if (signing === undefined) return [noSigner(first)];
    return [
      ...all.flatMap((key): readonly Found[] => {
        if (hasEnded(key.endsAt, facts.gatheredAtMs)) return [endedSigner(key)];
        return isNearEnd(key, facts) ? [endingSigner(key, all)] : [];
      }),
      signerInUse(signing, all),
    ];
  },
};

/** @param first undefined = all were retired or killed. */
const noSigner = (first: SigningKeyFact | undefined): Found => ({
  severity: "error",
  subject: first?.keyId ?? null,
  sentence: `Every signing key ${first === undefined ? "was retired or killed" : "has reached its end"}: no token can be issued (\`signing_keys_ended\`).`,
  remedy: "Add a new key to SIGNING_KEYS, and remove the old ones an hour after their end.",
});

const endedSigner = ({ keyId, endsAt }: SigningKeyFact): Found => ({
  severity: "warning",
  subject: keyId,
  sentence: `${keyId} ended at ${endsAt}: it signs no more, and its last tokens verify for an hour after.`,
  remedy: "Remove it from SIGNING_KEYS once that hour is over.",
});

function endingSigner({ keyId, endsAt }: SigningKeyFact, all: readonly SigningKeyFact[]): Found {
  const next = endsAt === null ? undefined : all.find((other) => !hasEnded(other.endsAt, Date.parse(endsAt)));
  return {
    severity: "warning",
    subject: keyId,
    sentence: `${keyId} signs no token after ${endsAt}; ${next === undefined ? "no key is left then, and none can be issued" : `${next.keyId} does`}.`,
    remedy: `Rotate it before: ${ROTATE_SIGNING}`,
  };
}

function signerInUse({ keyId, endsAt }: SigningKeyFact, all: readonly SigningKeyFact[]): Found {
  const others = all.filter((other) => other.keyId !== keyId).map((other) => other.keyId);
  const also =
    others.length === 0
      ? ""
      : `, and ${named(others)} ${others.length === 1 ? "verifies" : "verify"} them too`;
  const age =
    endsAt === null ? " It carries neither a date nor an end, so how old it is is not known here." : "";
  return {
    severity: "note",
    subject: keyId,
    sentence: `${keyId} signs tokens${endsAt === null ? "" : ` until ${endsAt}`}${also}.${age}`,
    remedy:
      others.length > 0
        ? "Promote the next one with `portcullis keys rotate`, or remove what is not meant to sign any more."
        : `Rotate it as often as your rules want: ${ROTATE_SIGNING}`,
  };
}

const receiptKeys: Check = {
  id: "receipt_keys",
  looksAt: `which keys sign and verify receipts, and the end of the one that signs, from ${KEY_NEAR_END_DAYS} days before`,
  well: "There are receipt keys.",
  needs: [],
  find(facts) {
    const [signing, ...others] = facts.receiptKeys;
    if (signing === undefined) return [];
    return [...receiptSignerEnd(signing, facts), receiptSigner(signing, others)];
  },
};

function receiptSignerEnd(signing: SigningKeyFact, facts: DoctorFacts): readonly Found[] {
  const { keyId, endsAt } = signing;
  const found = { subject: keyId, remedy: `Rotate it: ${ROTATE_RECEIPTS}` };
  if (hasEnded(endsAt, facts.gatheredAtMs)) {
    const sentence = `${keyId} ended at ${endsAt} and still signs receipts: no answer goes without one.`;
    return [{ ...found, severity: "error", sentence }];
  }
  if (!isNearEnd(signing, facts)) return [];
  const sentence = `${keyId} is meant to sign receipts until ${endsAt}, and goes on when that is over.`;
  return [{ ...found, severity: "warning", sentence }];
}

function receiptSigner({ keyId, endsAt }: SigningKeyFact, others: readonly SigningKeyFact[]): Found {
  const names = others.map((other) => other.keyId);
  const also = `, and ${named(names)} ${names.length === 1 ? "is" : "are"} published for receipts of before`;
  return {
    severity: "note",
    subject: keyId,
    sentence: `${keyId} signs receipts${endsAt === null ? "" : `, as meant until ${endsAt}`}${names.length > 0 ? also : ""}.`,
    remedy:
      names.length > 0
        ? "Keep them as long as their receipts may be looked at, without their `d`: so nobody can sign with them."
        : `Rotate it as often as your rules want: ${ROTATE_RECEIPTS}`,
  };
}

export const signingKeyChecks: readonly Check[] = [signingKeys, receiptKeys];
