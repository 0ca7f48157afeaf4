/**
 * Every version that a policy has had, beside the policies themselves: a row commits with the change it tells of. Rows
 * outlive their policy and end with their tenant.
 */
import * as z from "zod";
import { asked } from "../kernel/asked.ts";
import { PLATFORM, type PolicyId, Scope, type TenantId } from "../kernel/ids.ts";
import { type ListPage, pageOf } from "../kernel/list-page.ts";
import { ok, type Result } from "../kernel/result.ts";
import { Timestamp } from "../kernel/timestamp.ts";
import { type Policy, type PolicyDocument, PolicyInput } from "../policy/policy.ts";
import type { ScopeAddress } from "../quota/ledgers.ts";
import type { Home } from "../residency/home.ts";
import { type Databases, databaseOf, firstFound, policyPlaces } from "./databases.ts";
import { type PolicyOperation, PolicyVersion } from "./policy-version.ts";

const COLUMNS = "revision, operation, author, at, document_before, document_after, reverted_to";

export const policyHistoryStatements = {
  append: `INSERT INTO policy_history (policy_id, scope, ${COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)`,
  scopeOf: "SELECT scope FROM policy_history WHERE policy_id = ?1 LIMIT 1",
  page: `SELECT ${COLUMNS} FROM policy_history WHERE policy_id = ?1 AND revision < ?2 ORDER BY revision DESC LIMIT ?3`,
  version: `SELECT ${COLUMNS} FROM policy_history WHERE policy_id = ?1 AND revision = ?2`,
  mode: `SELECT document_after ->> '$.mode' AS mode FROM policy_history WHERE policy_id = ?1
    ORDER BY revision DESC LIMIT 1`,
  lastInShadow: `SELECT revision, at FROM policy_history WHERE policy_id = ?1 AND document_after ->> '$.mode' = 'shadow'
    ORDER BY revision DESC LIMIT 1`,
  afterShadow: `SELECT revision, at FROM policy_history WHERE policy_id = ?1 AND revision >
    (SELECT max(revision) FROM policy_history WHERE policy_id = ?1 AND document_after ->> '$.mode' = 'shadow')
    ORDER BY revision LIMIT 1`,
} as const;
/** Only tenants end. */
export const tenantHistoryStatements = {
  remove: "DELETE FROM policy_history WHERE scope = ?1",
} as const;

const ScopeRow = z.object({ scope: Scope });
const VersionRow = z
  .object({
    revision: z.int(),
    operation: z.string(),
    author: z.string().nullable(),
    at: z.string(),
    document_before: z.string().nullable(),
    document_after: z.string().nullable(),
    reverted_to: z.int().nullable(),
  })
  .transform(({ document_before, document_after, reverted_to, ...row }) =>
    PolicyVersion.parse({
      ...row,
      before: document_before === null ? null : JSON.parse(document_before),
      after: document_after === null ? null : JSON.parse(document_after),
      revertedTo: reverted_to,
    }),
  );

export interface NewPolicyVersion {
  readonly id: PolicyId;
  readonly revision: number;
  readonly operation: PolicyOperation;
  /** The id of an API key. */
  readonly author: string;
  readonly at: Timestamp;
  readonly before: PolicyDocument | null;
  readonly after: PolicyDocument | null;
  readonly revertedTo: number | null;
}

const ModeRow = z.object({ mode: PolicyInput.shape.mode.unwrap().nullable() });
const MomentRow = z.object({ revision: z.int(), at: Timestamp });
export type ShadowMoment = z.infer<typeof MomentRow>;

/** When a version in shadow was written, and what ended it; null = nothing has. */
export interface ShadowPeriod extends ShadowMoment {
  readonly next: ShadowMoment | null;
}

export interface PolicyHistory {
  /** Whose policy it is, or was; null where there never was one. */
  find(id: PolicyId): Promise<Result<ScopeAddress | null>>;
  /** Newest first. @param before only revisions lower than this. */
  list(
    of: ScopeAddress,
    id: PolicyId,
    page: { readonly before: number; readonly limit: number },
  ): Promise<Result<ListPage<PolicyVersion>>>;
  version(of: ScopeAddress, id: PolicyId, revision: number): Promise<Result<PolicyVersion | null>>;
  /** Whether the policy is in shadow now (null = it was deleted), and its last version that was. */
  shadow(
    of: ScopeAddress,
    id: PolicyId,
  ): Promise<Result<{ readonly mode: Policy["mode"] | null; readonly lastInShadow: ShadowPeriod | null }>>;
  append(of: ScopeAddress, version: NewPolicyVersion): D1PreparedStatement;
  /** After the tenant's own row is gone, in the same batch: before, the table refuses. */
  remove(tenantId: TenantId, home: Home): D1PreparedStatement;
}

export function createPolicyHistory(databases: Databases): PolicyHistory {
  const prepare = ({ scope, home }: ScopeAddress, sql: string) =>
    databaseOf(databases, scope, home).prepare(sql);
  const text = (document: PolicyDocument | null) => (document === null ? null : JSON.stringify(document));

  return {
    find: (id) =>
      firstFound(
        policyPlaces(databases).map(async ({ isPlatform, home }) => {
          const db = isPlatform ? databases.platform : databases.ofHome(home);
          const row = await asked(() => db.prepare(policyHistoryStatements.scopeOf).bind(id).first());
          if (!row.ok || row.value === null) return row.ok ? ok(null) : row;
          return ok({ scope: isPlatform ? PLATFORM : ScopeRow.parse(row.value).scope, home });
        }),
      ),

    async list(of, id, { before, limit }) {
      const statement = prepare(of, policyHistoryStatements.page).bind(id, before, limit + 1);
      const rows = await asked(() => statement.all());
      if (!rows.ok) return rows;
      const versions = rows.value.results.map((row) => VersionRow.parse(row));
      return ok(pageOf(versions, limit, ({ revision }) => String(revision)));
    },

    async version(of, id, revision) {
      const statement = prepare(of, policyHistoryStatements.version).bind(id, revision);
      const row = await asked(() => statement.first());
      return row.ok ? ok(row.value === null ? null : VersionRow.parse(row.value)) : row;
    },

    async shadow(of, id) {
      const { mode, lastInShadow, afterShadow } = policyHistoryStatements;
      const db = databaseOf(databases, of.scope, of.home);
      const rows = await asked(() =>
        db.batch([mode, lastInShadow, afterShadow].map((sql) => db.prepare(sql).bind(id))),
      );
      if (!rows.ok) return rows;
      const [modes, inShadow, after] = rows.value.map(({ results }) => results[0] ?? null);
      const last = MomentRow.nullable().parse(inShadow);
      return ok({
        mode: ModeRow.parse(modes).mode,
        lastInShadow: last && { ...last, next: MomentRow.nullable().parse(after) },
      });
    },

    append: (of, { id, revision, operation, author, at, before, after, revertedTo }) =>
      prepare(of, policyHistoryStatements.append).bind(
        id,
        of.scope,
        revision,
        operation,
        author,
        at,
        text(before),
        text(after),
        revertedTo,
      ),

    remove: (tenantId, home) => databases.ofHome(home).prepare(tenantHistoryStatements.remove).bind(tenantId),
  };
}
