/**
 * The search index of the audit log, one database per home. Storing is idempotent on (source, n). A page is cut by
 * one row-value comparison on (at, source, n), the tail of every index, so neither filters nor deep pages sort.
 */
import * as z from "zod";
import type { AgentId, Scope } from "../kernel/ids.ts";
import { decodeSortKey, type ListPage, pageOf } from "../kernel/list-page.ts";
import { refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { Timestamp } from "../kernel/timestamp.ts";
import type { Home } from "../residency/home.ts";
import { AuditRecord, type DecisionOutcome, DecisionRecord } from "./audit-record.ts";
import type { RecordLog } from "./consume-records.ts";
import { splitByBytes } from "./split-by-bytes.ts";

// One statement for many records: D1 prepares and answers each statement anew. `WHERE true` keeps SQLite's parser from
// reading ON CONFLICT as a join's ON. A record travels as text within the text, so it is stored as it was written.
const INSERT = `INSERT INTO audit_records
  (source, n, kind, tenant_id, agent_id, decision, decision_id, at, record)
  SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7, value ->> 8
  FROM json_each(?1) WHERE true ON CONFLICT (source, n) DO NOTHING`;

/** D1 takes 2 MB in one value. No record of a queue is near that, even with every quote of it escaped. */
const INSERT_BOUNDS = { maxBytes: 1_000_000, maxItems: Number.POSITIVE_INFINITY };

const searchWhere = (index: string, filter: string) =>
  `SELECT record FROM audit_records INDEXED BY ${index}
   WHERE tenant_id = ?1${filter} AND at >= ?2 AND (at, source, n) < (?3, ?4, ?5)
   ORDER BY at DESC, source DESC, n DESC LIMIT ?6`;
const SEARCH = searchWhere("audit_by_tenant", "");
const SEARCH_AGENT = searchWhere("audit_by_agent", " AND agent_id = ?7");
// Nearly all are allowed, so they have no index of their own; the others' is found only by the very words it was made with.
const SEARCH_ALLOWED = searchWhere("audit_by_tenant", " AND decision = ?7");
const SEARCH_REFUSALS = searchWhere("audit_by_refusal", " AND decision = ?7 AND decision <> 'allowed'");
const SEARCH_DECISIONS = searchWhere("audit_by_tenant", " AND kind = 'decision'");
// One agent has fewer records than one outcome, so the agent's index leads.
const SEARCH_AGENT_AND_DECISION = searchWhere("audit_by_agent", " AND agent_id = ?7 AND decision = ?8");

/** Sorts after every timestamp. */
const END_OF_TIME = "~";

const SortKey = z.tuple([Timestamp, z.string().min(1).max(200), z.int().min(1)]);
type SortKey = z.infer<typeof SortKey>;
const RecordRow = z.object({ record: z.string() });

export interface AuditSearch {
  readonly tenantId: Scope;
  readonly agentId?: AgentId | undefined;
  readonly decision?: DecisionOutcome | undefined;
  /** Inclusive. */
  readonly from?: Timestamp | undefined;
  /** Exclusive. */
  readonly to?: Timestamp | undefined;
  readonly cursor?: string | undefined;
  readonly limit: number;
}

export interface AuditLog extends RecordLog {
  /** Newest first. */
  search(home: Home, search: AuditSearch): Promise<Result<ListPage<AuditRecord>>>;
  /** Decisions alone, newest first. */
  decisions(
    home: Home,
    search: Omit<AuditSearch, "agentId" | "decision">,
  ): Promise<Result<ListPage<DecisionRecord>>>;
}

export function createAuditLog({ dbOf }: { readonly dbOf: (home: Home) => D1Database }): AuditLog {
  async function pageFor<R extends AuditRecord>(
    home: Home,
    sql: string,
    search: AuditSearch,
    schema: z.ZodType<R>,
  ): Promise<Result<ListPage<R>>> {
    const cursor = search.cursor === undefined ? ok(undefined) : decodeSortKey(search.cursor, SortKey);
    if (!cursor.ok) return cursor;
    const rows = await rowsOf(dbOf(home), sql, search, upperBound(cursor.value, search.to));
    if (!rows.ok) return rows;
    const records = rows.value.map((row) => schema.parse(JSON.parse(RecordRow.parse(row).record)));
    return ok(pageOf(records, search.limit, ({ at, source, n }) => JSON.stringify([at, source, n])));
  }

  return {
    async store(home, records) {
      if (records.length === 0) return ok(undefined);
      try {
        const db = dbOf(home);
        const parts = splitByBytes(records.map(rowOf), (row) => row, INSERT_BOUNDS);
        await db.batch(parts.map((rows) => db.prepare(INSERT).bind(`[${rows.join(",")}]`)));
        return ok(undefined);
      } catch {
        return fail(refuse("audit_unavailable"));
      }
    },

    search: (home, search) => pageFor(home, sqlFor(search.agentId, search.decision), search, AuditRecord),

    decisions: (home, search) => pageFor(home, SEARCH_DECISIONS, search, DecisionRecord),
  };
}

/** The columns in INSERT's order, as JSON. */
function rowOf(record: AuditRecord): string {
  const agentId = "agentId" in record ? record.agentId : null;
  const decision = "decision" in record ? record.decision : null;
  const decisionId = "decisionId" in record ? record.decisionId : null;
  const { source, n, kind, tenantId, at } = record;
  return JSON.stringify([
    source,
    n,
    kind,
    tenantId,
    agentId,
    decision,
    decisionId,
    at,
    JSON.stringify(record),
  ]);
}

async function rowsOf(
  db: D1Database,
  sql: string,
  { tenantId, agentId, decision, from, limit }: AuditSearch,
  before: readonly [string, string, number],
): Promise<Result<readonly unknown[]>> {
  const common = [tenantId, from ?? "", ...before, limit + 1];
  const filters = [agentId, decision].filter((filter) => filter !== undefined);
  try {
    const { results } = await db
      .prepare(sql)
      .bind(...common, ...filters)
      .all();
    return ok(results);
  } catch {
    return fail(refuse("store_unavailable"));
  }
}

function sqlFor(agentId: AgentId | undefined, decision: DecisionOutcome | undefined): string {
  if (agentId !== undefined) return decision === undefined ? SEARCH_AGENT : SEARCH_AGENT_AND_DECISION;
  if (decision === undefined) return SEARCH;
  return decision === "allowed" ? SEARCH_ALLOWED : SEARCH_REFUSALS;
}

/** No source is empty, so (to, "", 0) sorts before every record at `to` and after all earlier ones. */
function upperBound(
  cursor: SortKey | undefined,
  to: Timestamp | undefined,
): readonly [string, string, number] {
  const end = to ?? END_OF_TIME;
  return cursor !== undefined && cursor[0] < end ? cursor : [end, "", 0];
}
