/**
 * What is left to do, from what should exist and what does: a pure function. Whatever was done before drops out, so an
 * interrupted run is continued by planning again.
 */
import { type ExistingStore, isNamed, type Store, storeWords } from "./store.ts";
import type { Target } from "./target.ts";

export interface Existing {
  readonly stores: readonly ExistingStore[];
  readonly secrets: ReadonlySet<string>;
  /** The platform database has a key that can make further keys. */
  readonly hasAdminKey: boolean;
  /** An earlier run made an admin key that it may not have shown. */
  readonly hasUnshownAdminKey: boolean;
}

export const secretNames = [
  "SIGNING_KEYS",
  "RECEIPT_KEYS",
  "LEDGER_NAME_SECRET",
  "END_USER_SALT",
  "WEBHOOK_SECRET",
] as const;
export type SecretName = (typeof secretNames)[number];

export type Step =
  | { readonly kind: "create-store"; readonly store: Store }
  | { readonly kind: "write-ids" }
  | { readonly kind: "put-secret"; readonly name: SecretName }
  | { readonly kind: "migrate"; readonly store: Store }
  | { readonly kind: "deploy" }
  | { readonly kind: "admin-key" };

export interface Plan {
  readonly steps: readonly Step[];
  readonly warnings: readonly string[];
  /** Sentences; with one or more, no step may be taken. */
  readonly obstacles: readonly string[];
}

export const hasId = ({ kind }: Store): boolean => kind === "database" || kind === "namespace";

/** An id in wrangler.toml wins over the name: two stores may be called the same in two accounts. */
const findStore = (store: Store, existing: readonly ExistingStore[]): ExistingStore | undefined =>
  existing.find((each) =>
    store.id === undefined ? isNamed(store, each) : each.kind === store.kind && each.id === store.id,
  );

export function planDeployment(target: Target, existing: Existing): Plan {
  const found = target.stores.map((store) => ({ store, match: findStore(store, existing.stores) }));
  const missing = found.filter(({ match }) => match === undefined).map(({ store }) => store);
  const missingSecrets = secretNames.filter((name) => !existing.secrets.has(name));
  return {
    steps: [
      ...missing.map((store): Step => ({ kind: "create-store", store })),
      ...(target.stores.some((store) => hasId(store) && store.id === undefined)
        ? [{ kind: "write-ids" } as const]
        : []),
      ...missingSecrets.map((name): Step => ({ kind: "put-secret", name })),
      ...target.stores
        .filter(({ kind }) => kind === "database")
        .map((store): Step => ({ kind: "migrate", store })),
      { kind: "deploy" },
      ...(existing.hasAdminKey && !existing.hasUnshownAdminKey ? [] : [{ kind: "admin-key" } as const]),
    ],
    warnings: found.flatMap(({ store, match }) => (match === undefined ? [] : doubtAbout(store, match))),
    obstacles: [
      ...missing.filter(({ id }) => id !== undefined).map(foreignId),
      ...found.flatMap(({ store, match }) => (match === undefined ? [] : misplaced(store, match))),
      ...(existing.hasAdminKey && missingSecrets.includes("LEDGER_NAME_SECRET") ? [lostLedgerNames] : []),
    ],
  };
}

const nameOf = ({ kind, name }: Store): string => `the ${storeWords[kind]} ${name}`;

const foreignId = (store: Store): string =>
  `wrangler.toml gives ${store.binding} the id ${store.id}, which this account does not have. Log in to the account ` +
  "that has it (or set CLOUDFLARE_ACCOUNT_ID); to start anew in this one, remove the id.";

const doubtAbout = (store: Store, { jurisdiction }: ExistingStore): readonly string[] =>
  store.jurisdiction !== undefined && jurisdiction === undefined
    ? [
        `Warning: it cannot be confirmed that ${nameOf(store)}, which exists already, was created with the ` +
          `jurisdiction ${store.jurisdiction}. Look it up before a tenant of that home is registered.`,
      ]
    : [];

const misplaced = (store: Store, { jurisdiction }: ExistingStore): readonly string[] =>
  jurisdiction === undefined || jurisdiction === (store.jurisdiction ?? null)
    ? []
    : [
        `Cloudflare says that the jurisdiction of ${nameOf(store)} is ${jurisdiction ?? "unrestricted"}, not ` +
          `${store.jurisdiction ?? "unrestricted"}. It cannot be changed: give ${store.binding} another name in wrangler.toml.`,
      ];

// The admin key is made last, so that it exists shows that the secret once did.
const lostLedgerNames =
  "LEDGER_NAME_SECRET is not set although this deployment is in use. A new one would start every counter again, so " +
  "none is made: set the old one with `npx wrangler secret put LEDGER_NAME_SECRET`.";
