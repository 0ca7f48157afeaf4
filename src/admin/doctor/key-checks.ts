/** Checks of addresses, keys and credentials: of secrets, only whether they are set. */
import { apiKeyChecks } from "./api-key-checks.ts";
import { type Check, counted, type Found, named } from "./check.ts";
import { keyStateChecks } from "./key-state-checks.ts";
import { isPlaceholderHost } from "./placeholder-host.ts";
import { signingKeyChecks } from "./signing-key-checks.ts";

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

const webhookSecret: Check = {
  id: "webhook_secret",
  looksAt: "whether `WEBHOOK_SECRET` is set: without it no webhook can be set and none is sent",
  well: "The secret that signs webhooks is set.",
  needs: [],
  find: ({ signsWebhooks }) =>
    signsWebhooks
      ? []
      : [
          {
            severity: "note",
            subject: "WEBHOOK_SECRET",
            sentence: "WEBHOOK_SECRET is not set: nobody is told when a request waits for approval.",
            remedy:
              "Run `npm run deploy`, or `npx wrangler secret put WEBHOOK_SECRET` with 32 random characters or more.",
          },
        ],
};

export const keyChecks: readonly Check[] = [
  addresses,
  ...signingKeyChecks,
  ...keyStateChecks,
  entraKeys,
  ...apiKeyChecks,
  credentials,
  webhookSecret,
];
