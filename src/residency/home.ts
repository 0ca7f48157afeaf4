/**
 * Homes: where a tenant's data rests. Each home has its own D1, KV, queue and archive, and its ledgers live in its
 * jurisdiction; none of that can be changed after creation, so every store is made per home from the start.
 * A further home is one more row here and one more block in wrangler.toml; a deployment has the homes that it binds.
 */
import * as z from "zod";

/**
 * What Durable Objects, D1, KV, queues and R2 can all be restricted to. Cloudflare's changelogs: R2 `us` 2026-08-17,
 * queues 2026-09-18, D1 `us` and KV 2026-10-02. What only some of them offer can be no home's.
 */
export type Jurisdiction = "eu" | "us" | "fedramp";

interface HomeRow {
  /** What its stores are created with, and what `namespace.jurisdiction()` is given; undefined = unrestricted. */
  readonly jurisdiction: Jurisdiction | undefined;
  /** Bindings are named `<PREFIX>_DB`, `<PREFIX>_KV`, `<PREFIX>_AUDIT` and `<PREFIX>_ARCHIVE`. */
  readonly bindingPrefix: Uppercase<string>;
}

export const homes = {
  global: { jurisdiction: undefined, bindingPrefix: "GLOBAL" },
  eu: { jurisdiction: "eu", bindingPrefix: "EU" },
  us: { jurisdiction: "us", bindingPrefix: "US" },
} as const satisfies Record<string, HomeRow>;

export type Home = keyof typeof homes;
export const Home = z.enum(Object.keys(homes) as [Home, ...Home[]]); // Object.keys loses the key type.
/** Every home that there can be; which of them a deployment has, its bindings say. */
export const homeNames: readonly Home[] = Home.options;

/** Platform state (directory, deployments, API keys, platform policies) lives here and holds no tenant content. */
export const PLATFORM_HOME: Home = "global";

/** The stores of a home, by what their bindings end in. */
export const storeSuffixes = { db: "DB", kv: "KV", audit: "AUDIT", archive: "ARCHIVE" } as const;
export type HomeStore = keyof typeof storeSuffixes;
export type HomeBinding<S extends HomeStore = HomeStore> =
  `${(typeof homes)[Home]["bindingPrefix"]}_${(typeof storeSuffixes)[S]}`;

export const homeBinding = <S extends HomeStore>(home: Home, store: S): HomeBinding<S> =>
  `${homes[home].bindingPrefix}_${storeSuffixes[store]}`;

const homeStores = Object.keys(storeSuffixes) as readonly HomeStore[]; // Object.keys loses the key type.
export const homeBindings = (home: Home): readonly HomeBinding[] =>
  homeStores.map((store) => homeBinding(home, store));
