/** The policies of a scope as they were at a revision, put together from their histories. */
import * as z from "zod";
import { asked } from "../kernel/asked.ts";
import { PLATFORM, PolicyId } from "../kernel/ids.ts";
import { ok, type Result } from "../kernel/result.ts";
import { Policy } from "../policy/policy.ts";
import type { ScopeAddress } from "../quota/ledgers.ts";
import { type Databases, databaseOf } from "./databases.ts";

const latest = (where: string) =>
  `SELECT policy_id, max(revision) AS revision, document_after FROM policy_history
    WHERE ${where} AND revision <= ?2 GROUP BY policy_id`;
const lastRevisions = (where: string) =>
  `SELECT policy_id, max(revision) AS revision FROM policy_history WHERE ${where} GROUP BY policy_id`;

export const pastPolicyStatements = {
  asOf: latest("scope = ?1"),
  lastRevisions: lastRevisions("scope = ?1"),
} as const;
/** The platform's database holds no other scope, and has no index by it: its primary key is read whole. */
export const pastPlatformStatements = {
  asOf: latest("policy_id > '' AND scope = ?1"),
  lastRevisions: lastRevisions("policy_id > '' AND scope = ?1"),
} as const;

const VersionRow = z.object({ document_after: z.string().nullable() });
const RevisionRow = z.object({ policy_id: PolicyId, revision: z.int() });

export interface PoliciesAsTheyWere {
  /** Null where one of them says what this program no longer reads. */
  asOf(of: ScopeAddress, revision: number): Promise<Result<readonly Policy[] | null>>;
  /** Under which revision each was last written, deleted ones too. */
  lastRevisions(of: ScopeAddress): Promise<Result<ReadonlyMap<string, number>>>;
}

export function createPoliciesAsTheyWere(databases: Databases): PoliciesAsTheyWere {
  const prepare = ({ scope, home }: ScopeAddress, name: keyof typeof pastPolicyStatements) =>
    databaseOf(databases, scope, home).prepare(
      (scope === PLATFORM ? pastPlatformStatements : pastPolicyStatements)[name],
    );
  return {
    async asOf(of, revision) {
      const rows = await asked(() => prepare(of, "asOf").bind(of.scope, revision).all());
      if (!rows.ok) return rows;
      const documents = rows.value.results
        .map((row) => VersionRow.parse(row).document_after)
        .filter((document) => document !== null);
      const policies = documents.map((document) => Policy.safeParse(JSON.parse(document)));
      const read = policies.flatMap((policy) => (policy.success ? [policy.data] : []));
      return ok(read.length === policies.length ? read : null);
    },
    async lastRevisions(of) {
      const rows = await asked(() => prepare(of, "lastRevisions").bind(of.scope).all());
      if (!rows.ok) return rows;
      const revisions = rows.value.results.map((row) => RevisionRow.parse(row));
      return ok(new Map(revisions.map(({ policy_id, revision }) => [policy_id, revision])));
    },
  };
}
