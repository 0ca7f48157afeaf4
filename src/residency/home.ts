/**
 * Homes: where a tenant's data rests. Each home has its own D1, KV, queue and archive, and its ledgers live in its
 * jurisdiction; none of that can be changed after creation, so every store is made per home from the start.
 * A further home is one more row here and one more block in wrangler.toml.
 */
import * as z from "zod";

interface HomeRow {
  /** What `namespace.jurisdiction()` is given when deployed; undefined = unrestricted. */
  readonly jurisdiction: "eu" | "us" | undefined;
  /** Bindings are named `<PREFIX>_DB`, `<PREFIX>_KV`, `<PREFIX>_AUDIT` and `<PREFIX>_ARCHIVE`. */
  readonly bindingPrefix: "GLOBAL" | "EU";
}

export const homes = {
  global: { jurisdiction: undefined, bindingPrefix: "GLOBAL" },
  eu: { jurisdiction: "eu", bindingPrefix: "EU" },
} as const satisfies Record<string, HomeRow>;

export type Home = keyof typeof homes;
export const Home = z.enum(["global", "eu"] satisfies [Home, Home]);
export const homeNames: readonly Home[] = Home.options;

/** Platform state (directory, deployments, API keys, platform policies) lives here and holds no tenant content. */
export const PLATFORM_HOME: Home = "global";
