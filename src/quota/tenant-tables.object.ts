/** The tables only a scope's ledger has: its revisions and the longest lease it ever granted. */
import * as z from "zod";
import { Scope } from "../kernel/ids.ts";
import { Home } from "../residency/home.ts";
import type { RevisionState } from "./revision-writes.ts";

const Row = z.object({
  revision: z.int(),
  prepared: z.int().nullable(),
  resolve_at: z.int().nullable(),
  longest_ms: z.int(),
  scope: Scope.nullable(),
  home: Home.nullable(),
});

export class TenantTables {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(`
      CREATE TABLE IF NOT EXISTS scope (
        id INTEGER PRIMARY KEY CHECK (id = 1), revision INTEGER NOT NULL, prepared INTEGER, resolve_at INTEGER,
        longest_ms INTEGER NOT NULL, scope TEXT, home TEXT
      ) STRICT;
      INSERT INTO scope (id, revision, longest_ms) VALUES (1, 0, 0) ON CONFLICT DO NOTHING;
    `);
  }

  revisions(): RevisionState {
    const { revision, prepared, resolve_at } = this.#row();
    return {
      revision,
      prepared: prepared === null ? null : { revision: prepared, resolveAtMs: resolve_at ?? 0 },
    };
  }

  putRevisions({ revision, prepared }: RevisionState): void {
    // The condition is the last line of defence of "revisions never go back".
    this.#sql.exec(
      "UPDATE scope SET revision = ?1, prepared = ?2, resolve_at = ?3 WHERE revision <= ?1",
      revision,
      prepared?.revision ?? null,
      prepared?.resolveAtMs ?? null,
    );
  }

  longestMs(): number {
    return this.#row().longest_ms;
  }

  putLongestMs(longestMs: number): void {
    this.#sql.exec("UPDATE scope SET longest_ms = max(longest_ms, ?)", longestMs);
  }

  /** The ledger's own name is an HMAC: whose it is must be stored for the alarm that resolves a write. */
  putAddress(scope: Scope, home: Home): void {
    this.#sql.exec("UPDATE scope SET scope = ?, home = ?", scope, home);
  }

  address(): { readonly scope: Scope; readonly home: Home } | null {
    const { scope, home } = this.#row();
    return scope === null || home === null ? null : { scope, home };
  }

  #row(): z.infer<typeof Row> {
    return Row.parse(
      this.#sql.exec("SELECT revision, prepared, resolve_at, longest_ms, scope, home FROM scope").one(),
    );
  }
}
