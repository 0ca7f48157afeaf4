/** The databases of the control plane: the platform's, and one per configured home. */
import { PLATFORM, type Scope } from "../kernel/ids.ts";
import { ok, type Result } from "../kernel/result.ts";
import { type Home, PLATFORM_HOME } from "../residency/home.ts";

export interface Databases {
  readonly platform: D1Database;
  /** Those that have their stores in this deployment. */
  readonly homes: readonly Home[];
  /** Of a home that is one of `homes`; of any other it is a bug to ask. */
  ofHome(home: Home): D1Database;
}

/** Every database that holds policies: the platform's, and one per configured home. */
export const policyPlaces = ({ homes }: Pick<Databases, "homes">) => [
  { isPlatform: true, home: PLATFORM_HOME },
  ...homes.map((home) => ({ isPlatform: false, home })),
];

/** Where the rows of a scope are, and so its outbox and its revisions. */
export const databaseOf = (databases: Databases, scope: Scope, home: Home): D1Database =>
  scope === PLATFORM ? databases.platform : databases.ofHome(home);

/**
 * Ids do not tell the home, so every home is asked. A home that cannot be reached hides only what is in it: what
 * another one holds is found all the same.
 */
export async function firstFound<T>(
  searches: readonly Promise<Result<T | null>>[],
): Promise<Result<T | null>> {
  const results = await Promise.all(searches);
  const found = results.find((result) => result.ok && result.value !== null);
  return found ?? results.find((result) => !result.ok) ?? ok(null);
}
