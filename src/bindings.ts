/**
 * What the platform gives the Worker, and the configuration made of it. Parsed once per isolate; a Worker that is
 * misconfigured refuses every request rather than guessing.
 */
import * as z from "zod";
import type { AgentLedger } from "./quota/agent-ledger.object.ts";
import type { TenantLedger } from "./quota/tenant-ledger.object.ts";
import {
  type Home,
  type HomeBinding,
  homeBinding,
  homeBindings,
  homeNames,
  PLATFORM_HOME,
} from "./residency/home.ts";

export interface HomeStores {
  readonly db: D1Database;
  readonly kv: KVNamespace;
  readonly audit: Queue;
  readonly archive: R2Bucket;
}

/** `EU_DB`, `EU_KV` and so on, of every home in the table. A deployment leaves out homes that it does not need. */
export type HomeBindings = {
  readonly [S in keyof HomeStores as HomeBinding<S>]?: HomeStores[S];
};

export interface Env extends HomeBindings {
  readonly AGENT_LEDGER: DurableObjectNamespace<AgentLedger>;
  readonly TENANT_LEDGER: DurableObjectNamespace<TenantLedger>;
  /** Counts bad credentials per client address. */
  readonly BAD_CREDENTIALS: RateLimit;
  readonly PLATFORM_DB: D1Database;
  readonly ISSUER: string;
  readonly AUDIENCE: string;
  readonly LEASE_MS: string;
  readonly RELAY_MAX_MS: string;
  /** JWK set of private Ed25519 keys; the first signs. */
  readonly SIGNING_KEYS: string;
  /** JWK set of Ed25519 keys, other ones than those of tokens; the first is private and signs. */
  readonly RECEIPT_KEYS: string;
  /** Ledger names are HMACs under this secret; it is never remade, or every counter would start again. */
  readonly LEDGER_NAME_SECRET: string;
  /** Salt of end-user and address hashes. */
  readonly END_USER_SALT: string;
  /** JWK set of RSA keys that sign assertions for Microsoft Entra; the first is private and signs. Optional. */
  readonly ENTRA_KEYS?: string;
  /** `sub` of those assertions; `portcullis` unless set. */
  readonly ENTRA_SUBJECT?: string;
  /** The secrets of webhooks are HMACs under it; without it there are no webhooks. */
  readonly WEBHOOK_SECRET?: string;
}

const boundStores = new WeakMap<Env, ReadonlyMap<Home, HomeStores>>();

/** Throws on a home with some of its stores and not the others, and on a platform home without. */
function boundStoresOf(env: Env): ReadonlyMap<Home, HomeStores> {
  const known = boundStores.get(env);
  if (known) return known;
  const bound = new Map<Home, HomeStores>();
  for (const home of homeNames) {
    const stores = storesIn(env, home);
    if (stores) bound.set(home, stores);
  }
  boundStores.set(env, bound);
  return bound;
}

function storesIn(env: Env, home: Home): HomeStores | null {
  const db = env[homeBinding(home, "db")];
  const kv = env[homeBinding(home, "kv")];
  const audit = env[homeBinding(home, "audit")];
  const archive = env[homeBinding(home, "archive")];
  if (db && kv && audit && archive) return { db, kv, audit, archive };
  const isLeftOut = !db && !kv && !audit && !archive;
  if (isLeftOut && home !== PLATFORM_HOME) return null;
  const missing = homeBindings(home).filter((binding) => !env[binding]);
  throw new Error(
    `Misconfigured Worker: the home ${home} lacks ${missing.join(", ")}. Bind all of a home's stores in wrangler.toml` +
      (home === PLATFORM_HOME ? "." : ", or none of them."),
  );
}

/** The homes that have their stores here: all that a tenant can be made in, and all there is to sweep and to probe. */
export const configuredHomes = (env: Env): readonly Home[] => [...boundStoresOf(env).keys()];

/** Throws on a home without stores here: who takes a home from outside checks it first (`configuredHome`). */
export function homeStoresOf(env: Env, home: Home): HomeStores {
  const stores = boundStoresOf(env).get(home);
  if (!stores) throw new Error(`The home ${home} has no stores in this deployment.`);
  return stores;
}

const milliseconds = z.coerce.number().int().min(1);

const ConfigSchema = z.object({
  ISSUER: z.url(),
  AUDIENCE: z.url(),
  LEASE_MS: milliseconds.max(30_000),
  RELAY_MAX_MS: milliseconds.max(3_600_000),
  SIGNING_KEYS: z.string().min(1),
  RECEIPT_KEYS: z.string().min(1),
  LEDGER_NAME_SECRET: z.string().min(32),
  END_USER_SALT: z.string().min(16),
  // An empty secret is how one is switched off.
  ENTRA_KEYS: z.string().optional(),
  // Entra takes 600 characters and compares them all.
  ENTRA_SUBJECT: z
    .string()
    .regex(/^[\x21-\x7e]{1,600}$/)
    .default("portcullis"),
  WEBHOOK_SECRET: z.string().min(32).optional(),
});

export interface Config {
  readonly issuer: string;
  readonly audience: string;
  readonly leaseMs: number;
  readonly relayMaxMs: number;
  readonly signingKeys: string;
  readonly receiptKeys: string;
  readonly ledgerNameSecret: string;
  readonly endUserSalt: string;
  readonly entraKeys: string | null;
  readonly entraSubject: string;
  /** Null = not set. */
  readonly webhookSecret: string | null;
}

const parsed = new WeakMap<Env, Config>();

/** Throws on a misconfigured Worker, naming the variables and never their values. */
export function configOf(env: Env): Config {
  const known = parsed.get(env);
  if (known) return known;
  const result = ConfigSchema.safeParse(env);
  if (!result.success) {
    const names = [...new Set(result.error.issues.map((issue) => issue.path.join(".")))];
    throw new Error(`Misconfigured Worker: ${names.join(", ")}. Run \`npm run setup\`.`);
  }
  const config: Config = {
    issuer: result.data.ISSUER,
    audience: result.data.AUDIENCE,
    leaseMs: result.data.LEASE_MS,
    relayMaxMs: result.data.RELAY_MAX_MS,
    signingKeys: result.data.SIGNING_KEYS,
    receiptKeys: result.data.RECEIPT_KEYS,
    ledgerNameSecret: result.data.LEDGER_NAME_SECRET,
    endUserSalt: result.data.END_USER_SALT,
    entraKeys: result.data.ENTRA_KEYS || null,
    entraSubject: result.data.ENTRA_SUBJECT,
    webhookSecret: result.data.WEBHOOK_SECRET ?? null,
  };
  parsed.set(env, config);
  return config;
}

/** A Worker secret by name, for backends' credentials; undefined when it is not set. */
export function secretOf(env: Env, name: string): string | undefined {
  const value: unknown = Reflect.get(env, name);
  return typeof value === "string" && value.length > 0 ? value : undefined;
}
