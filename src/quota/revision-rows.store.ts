/** The rows (scope, revision) of D1, as the scope's ledger needs them: whoever has the row has the revision. */
import * as z from "zod";
import { type Env, homeStoresOf } from "../bindings.ts";
import { PLATFORM, type Scope } from "../kernel/ids.ts";
import type { Home } from "../residency/home.ts";

export const revisionRowStatements = {
  highest: "SELECT max(revision) AS revision FROM revisions WHERE scope = ?1",
  insertVoid:
    "INSERT INTO revisions (scope, revision, void) VALUES (?1, ?2, 1) ON CONFLICT (scope, revision) DO NOTHING",
} as const;

const HighestRow = z.object({ revision: z.int().nullable() });

/**
 * Resolves a prepared write that nobody finished. A conflict means that the write committed after all (or was made
 * void before): either way the number is taken.
 */
export async function insertVoidRevision(
  env: Env,
  scope: Scope,
  home: Home,
  revision: number,
): Promise<void> {
  await databaseOf(env, scope, home).prepare(revisionRowStatements.insertVoid).bind(scope, revision).run();
}

/** 0 before the first write. Void rows count: their number is taken as well. */
export async function highestRevision(env: Env, scope: Scope, home: Home): Promise<number> {
  const row = await databaseOf(env, scope, home).prepare(revisionRowStatements.highest).bind(scope).first();
  return HighestRow.parse(row).revision ?? 0;
}

const databaseOf = (env: Env, scope: Scope, home: Home): D1Database =>
  scope === PLATFORM ? env.PLATFORM_DB : homeStoresOf(env, home).db;
