/** Resolves a prepared write that nobody finished: whoever has the row (scope, revision) has the revision. */
import { type Env, homeStoresOf } from "../bindings.ts";
import { PLATFORM, type Scope } from "../kernel/ids.ts";
import type { Home } from "../residency/home.ts";

/** A conflict means that the write committed after all (or was made void before): either way the number is taken. */
export async function insertVoidRevision(
  env: Env,
  scope: Scope,
  home: Home,
  revision: number,
): Promise<void> {
  const db = scope === PLATFORM ? env.PLATFORM_DB : homeStoresOf(env, home).db;
  await db
    .prepare(
      "INSERT INTO revisions (scope, revision, void) VALUES (?1, ?2, 1) ON CONFLICT (scope, revision) DO NOTHING",
    )
    .bind(scope, revision)
    .run();
}
