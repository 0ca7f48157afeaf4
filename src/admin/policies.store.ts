/** Policies: the platform's in the platform's database, a tenant's in its home. Writes are statements of a revision. */

import { asked } from "../kernel/asked.ts";
import type { PolicyId, Scope } from "../kernel/ids.ts";
import { PLATFORM } from "../kernel/ids.ts";
import { decodeCursor, type ListPage, pageOf } from "../kernel/list-page.ts";
import { ok, type Result } from "../kernel/result.ts";
import type { PolicyDocument } from "../policy/policy.ts";
import { documentOfRow, SELECT_POLICIES_OF_SCOPE } from "../policy/policy-rows.ts";
import type { ScopeAddress } from "../quota/ledgers.ts";
import { type Databases, databaseOf, firstFound, policyPlaces } from "./databases.ts";

export const policyStatements = {
  ofScope: SELECT_POLICIES_OF_SCOPE,
  get: "SELECT scope, document FROM policies WHERE id = ?1",
  list: "SELECT document FROM policies WHERE scope = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
  anyOfScope: "SELECT 1 FROM policies WHERE scope = ?1 LIMIT 1",
  put: `INSERT INTO policies (id, scope, document) VALUES (?1, ?2, ?3)
    ON CONFLICT (id) DO UPDATE SET document = excluded.document`,
  delete: "DELETE FROM policies WHERE id = ?1",
} as const;

export interface StoredPolicy extends ScopeAddress {
  readonly policy: PolicyDocument;
}

export interface PolicyStore {
  find(id: PolicyId): Promise<Result<StoredPolicy | null>>;
  list(
    of: ScopeAddress,
    page: { readonly cursor?: string | undefined; readonly limit: number },
  ): Promise<Result<ListPage<PolicyDocument>>>;
  /** All of the scope, with the tests that they carry; the oldest first. */
  ofScope(of: ScopeAddress): Promise<Result<readonly PolicyDocument[]>>;
  hasAny(of: ScopeAddress): Promise<Result<boolean>>;
  put(of: ScopeAddress, policy: PolicyDocument): D1PreparedStatement;
  delete(of: ScopeAddress, id: PolicyId): D1PreparedStatement;
}

export function createPolicyStore(databases: Databases): PolicyStore {
  const everywhere = policyPlaces(databases);
  const prepare = ({ scope, home }: ScopeAddress, sql: string) =>
    databaseOf(databases, scope, home).prepare(sql);

  return {
    find: (id) =>
      firstFound(
        everywhere.map(async ({ isPlatform, home }) => {
          const db = isPlatform ? databases.platform : databases.ofHome(home);
          const row = await asked(() => db.prepare(policyStatements.get).bind(id).first());
          if (!row.ok || row.value === null) return row.ok ? ok(null) : row;
          const policy = documentOfRow(row.value);
          const scope: Scope = isPlatform ? PLATFORM : policy.scope;
          return ok({ policy, scope, home });
        }),
      ),

    async list(of, { cursor, limit }) {
      const after = cursor === undefined ? ok("") : decodeCursor(cursor);
      if (!after.ok) return after;
      const statement = prepare(of, policyStatements.list).bind(of.scope, after.value, limit + 1);
      const rows = await asked(() => statement.all());
      if (!rows.ok) return rows;
      return ok(pageOf(rows.value.results.map(documentOfRow), limit, (policy) => policy.id));
    },

    async ofScope(of) {
      const rows = await asked(() => prepare(of, policyStatements.ofScope).bind(of.scope).all());
      return rows.ok ? ok(rows.value.results.map(documentOfRow)) : rows;
    },

    async hasAny(of) {
      const row = await asked(() => prepare(of, policyStatements.anyOfScope).bind(of.scope).first());
      return row.ok ? ok(row.value !== null) : row;
    },

    put: (of, policy) =>
      prepare(of, policyStatements.put).bind(policy.id, policy.scope, JSON.stringify(policy)),
    delete: (of, id) => prepare(of, policyStatements.delete).bind(id),
  };
}
