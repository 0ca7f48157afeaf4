/** Checks of addresses, keys and credentials: of secrets, only whether they are set. */
import { DOCTOR_MAX_EXAMPLES } from "../../kernel/limits.ts";
import { type Check, counted, type Found, named } from "./check.ts";
import { API_KEY_OLD_DAYS } from "./facts.ts";
import { isPlaceholderHost } from "./placeholder-host.ts";

const addresses: Check = {
  id: "addresses",
  looksAt: "`ISSUER` and `AUDIENCE` of a deployed Worker: https, and an address that exists",
  well: "ISSUER and AUDIENCE are addresses that callers can reach, or this is a local runtime.",
  needs: [],
  find({ isLocal, issuer, audience }) {
    if (isLocal) return [];
    return Object.entries({ ISSUER: issuer, AUDIENCE: audience })
      .filter(([, url]) => new URL(url).protocol !== "https:" || isPlaceholderHost(new URL(url).hostname))
      .map(([name, url]) => ({
        severity: "warning",
        subject: name,
        sentence: `${name} is ${url}, which is no public https address.`,
        remedy: `Set ${name} in wrangler.toml to the gateway's URL before tokens are in use: changing it later makes all of them invalid.`,
      }));
  },
};

const signingKeys: Check = {
  id: "signing_keys",
  looksAt: "how many keys sign and verify tokens; they carry no date, so their age is yours to know",
  well: "There are signing keys.",
  needs: [],
  find: ({ signingKeyIds: [signing, ...others] }) =>
    signing === undefined
      ? []
      : [
          {
            severity: "note",
            subject: signing,
            sentence: `${signing} signs tokens${others.length > 0 ? `, and ${named(others)} ${others.length === 1 ? "verifies" : "verify"} them too` : ""}. Signing keys carry neither a date nor an end, so how old they are is not known here.`,
            remedy:
              others.length > 0
                ? "Remove a key that no longer signs an hour after the rotation; until then its tokens are good."
                : "Rotate it as often as your rules want: add the new key at the end of SIGNING_KEYS, move it to the front, remove the old one.",
          },
        ],
};

const receiptKeys: Check = {
  id: "receipt_keys",
  looksAt: "how many keys sign and verify receipts; they carry no date either",
  well: "There are receipt keys.",
  needs: [],
  find: ({ receiptKeyIds: [signing, ...others] }) =>
    signing === undefined
      ? []
      : [
          {
            severity: "note",
            subject: signing,
            sentence: `${signing} signs receipts${others.length > 0 ? `, and ${named(others)} ${others.length === 1 ? "is" : "are"} published for receipts of before` : ""}.`,
            remedy:
              others.length > 0
                ? "Keep them as long as their receipts may be looked at, without their `d`: so nobody can sign with them."
                : "Rotate it as often as your rules want: add the new key at the front of RECEIPT_KEYS, keep the old one behind it without its `d`.",
          },
        ],
};

const apiKeys: Check = {
  id: "api_keys",
  looksAt: `API keys older than ${API_KEY_OLD_DAYS} days; they have no end of their own`,
  well: `No API key is older than ${API_KEY_OLD_DAYS} days, as far as they could be read.`,
  needs: [],
  find({ oldApiKeys }) {
    if (oldApiKeys === null || oldApiKeys.length === 0) return [];
    const shown = oldApiKeys.slice(0, DOCTOR_MAX_EXAMPLES);
    const isMore = oldApiKeys.length > shown.length;
    return [
      {
        severity: "note",
        subject: shown[0] ?? null,
        sentence: `API keys older than ${API_KEY_OLD_DAYS} days: ${shown.join(", ")}${isMore ? " and more" : ""}. They stay good until they are deleted.`,
        remedy: "Make a new key at `/v1/keys`, move its users, delete the old one.",
      },
    ];
  },
};

const ENTRA_KEYS = "ENTRA_KEYS";

const entraKeys: Check = {
  id: "entra_keys",
  looksAt:
    "what Microsoft Entra must know of this gateway, where it has keys for it: issuer, subject, number of keys",
  well: "There are no keys for Microsoft Entra, and nothing to tell it.",
  needs: [],
  find({ entra }) {
    const [signing, ...others] = entra?.keyIds ?? [];
    if (entra === null || signing === undefined) return [];
    return [
      {
        severity: "note",
        subject: signing,
        sentence: `${signing} signs assertions for Microsoft Entra${others.length > 0 ? `, and ${named(others)} ${others.length === 1 ? "is" : "are"} published too` : ""}. A federated credential must name the issuer ${entra.issuer} and the subject ${entra.subject}, exactly.`,
        remedy:
          others.length > 0
            ? "Remove a key that no longer signs ten minutes after the rotation."
            : "Rotate it as often as your rules want: publish the new key behind the old one first (docs/operations.md).",
      },
    ];
  },
};

const credentials: Check = {
  id: "credentials",
  looksAt: "Worker secrets that backends need, for their keys or for Microsoft Entra, and that are not set",
  well: "Every secret that a backend needs is set.",
  needs: ["deployments"],
  find({ missingSecrets, entra, deployments }) {
    const users = Map.groupBy(
      deployments.items.flatMap(({ name, backends }) =>
        backends.map(({ credential }) => ({
          name,
          secret: credential.kind === "api_key" ? credential.secret : ENTRA_KEYS,
        })),
      ),
      ({ secret }) => secret,
    );
    const lacksEntra = entra === null && users.has(ENTRA_KEYS);
    return [...missingSecrets, ...(lacksEntra ? [ENTRA_KEYS] : [])].map((secret): Found => {
      const names = [...new Set((users.get(secret) ?? []).map(({ name }) => name))];
      return {
        severity: "error",
        subject: secret,
        sentence: `The Worker secret ${secret} is not set; backends of ${counted(names.length, "deployment")} answer \`backend_unavailable\`: ${named(names)}.`,
        remedy:
          secret === ENTRA_KEYS
            ? "Make and set it with `npm run --silent entra-keys | npx wrangler secret put ENTRA_KEYS` (locally: `npm run setup`)."
            : `Run \`npx wrangler secret put ${secret}\` (locally: write it into \`.dev.vars\`).`,
      };
    });
  },
};

export const keyChecks: readonly Check[] = [
  addresses,
  signingKeys,
  receiptKeys,
  entraKeys,
  apiKeys,
  credentials,
];
