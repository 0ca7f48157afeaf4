/**
 * Approvals in the database of their tenant's home. What the agent's ledger holds decides what passes; these rows are what
 * people decide on. A decision commits with its record, and says until the ledger has acknowledged it that it has not.
 */
import * as z from "zod";
import { asked, askedToWrite } from "../kernel/asked.ts";
import type { AgentId, ApiKeyId, ApprovalId, TenantId } from "../kernel/ids.ts";
import { APPROVAL_KEPT_MS } from "../kernel/limits.ts";
import { decodeCursor, type ListPage, pageOf } from "../kernel/list-page.ts";
import { ok, type Result } from "../kernel/result.ts";
import { Timestamp, timestampOf } from "../kernel/timestamp.ts";
import type { Home } from "../residency/home.ts";
import { Approval, ApprovalRequest, ApprovalStatus, statusAt } from "./approval.ts";
import type { ApprovalDesk } from "./approval-desk.ts";

const COLUMNS =
  "id, tenant_id, agent_id, status, request, asked_by, requested_at, expires_at, decided_by, decided_at, reason, acknowledged, used_by";
/** By the status as it is at a moment, which is the last parameter where it matters. */
const statusFilters = {
  pending: (now: string) => ` AND status = 'pending' AND expires_at > ${now}`,
  approved: (now: string) => ` AND status = 'approved' AND expires_at > ${now}`,
  denied: () => " AND status = 'denied'",
  used: () => " AND status = 'used'",
  expired: (now: string) => ` AND status IN ('pending', 'approved') AND expires_at <= ${now}`,
} as const satisfies Record<ApprovalStatus, (now: string) => string>;
const timeless: ReadonlySet<ApprovalStatus | undefined> = new Set(["denied", "used", undefined] as const);

function listStatement(ofAgent: boolean, status: ApprovalStatus | undefined): string {
  const index = ofAgent ? "by_agent" : status === "pending" ? "pending" : "by_tenant";
  const ofStatus = status === undefined ? "" : statusFilters[status](ofAgent ? "?5" : "?4");
  return `SELECT ${COLUMNS} FROM approvals INDEXED BY approvals_${index}
    WHERE tenant_id = ?1 AND id < ?2${ofAgent ? " AND agent_id = ?4" : ""}${ofStatus} ORDER BY id DESC LIMIT ?3`;
}

export const approvalStatements = {
  // Repeated by every ask that waits: only a further asker changes anything, and only while nobody has decided.
  keep: `INSERT INTO approvals (id, tenant_id, agent_id, status, request, asked_by, requested_at, expires_at)
    VALUES (?1, ?2, ?3, 'pending', ?4, ?5, ?6, ?7)
    ON CONFLICT (id) DO UPDATE SET asked_by = excluded.asked_by
    WHERE status = 'pending' AND json_array_length(excluded.asked_by) > json_array_length(asked_by)`,
  find: `SELECT ${COLUMNS} FROM approvals WHERE id = ?1`,
  // Decided meanwhile, by anybody: a null status is refused by the table, and takes the record with it.
  decide: `UPDATE approvals SET status = CASE WHEN status = 'pending' AND expires_at > ?5 THEN ?2 END,
    decided_by = ?3, expires_at = ?4, decided_at = ?5, reason = ?6, acknowledged = 0 WHERE id = ?1`,
  acknowledge: "UPDATE approvals SET acknowledged = 1 WHERE id = ?1 AND acknowledged = 0",
  unacknowledged: `SELECT ${COLUMNS} FROM approvals INDEXED BY approvals_unacknowledged
    WHERE acknowledged = 0 AND id > ?1 ORDER BY id LIMIT ?2`,
  purge: "DELETE FROM approvals WHERE id < ?1",
} as const;
/** Every list there is, by what it filters. */
export const approvalListStatements: Readonly<Record<string, string>> = Object.fromEntries(
  [undefined, ...ApprovalStatus.options].flatMap((status) =>
    [false, true].map((ofAgent) => [`${status} ${ofAgent}`, listStatement(ofAgent, status)]),
  ),
);

/** Only tenants end. */
export const tenantApprovalStatements = {
  remove: "DELETE FROM approvals WHERE tenant_id = ?1",
} as const;

const Row = z.object({
  id: z.string(),
  tenant_id: z.string(),
  agent_id: z.string(),
  status: ApprovalStatus.exclude(["expired"]),
  request: z.string(),
  asked_by: z.string(),
  requested_at: z.string(),
  expires_at: Timestamp,
  decided_by: z.string().nullable(),
  decided_at: z.string().nullable(),
  reason: z.string().nullable(),
  acknowledged: z.int(),
  used_by: z.string().nullable(),
});

export interface StoredApproval {
  readonly approval: Approval;
  readonly home: Home;
  readonly acknowledged: boolean;
}

export interface ApprovalSearch {
  readonly tenantId: TenantId;
  readonly agentId?: AgentId | undefined;
  readonly status?: ApprovalStatus | undefined;
  readonly cursor?: string | undefined;
  readonly limit: number;
  readonly nowMs: number;
}

export interface DecidedApproval {
  readonly from: StoredApproval;
  readonly decision: "approved" | "denied";
  readonly decidedBy: ApiKeyId;
  readonly at: Timestamp;
  readonly expiresAt: Timestamp;
  readonly reason: string | null;
  /** Of its record: committed with the decision or not at all. */
  readonly companion: D1PreparedStatement;
}

export interface ApprovalStore extends Pick<ApprovalDesk, "keep"> {
  find(home: Home, id: ApprovalId, nowMs: number): Promise<Result<StoredApproval | null>>;
  /** Newest first. */
  list(home: Home, search: ApprovalSearch): Promise<Result<ListPage<Approval>>>;
  /** `outdated`: somebody decided meanwhile, or it has expired. */
  decide(decided: DecidedApproval): Promise<Result<"committed" | "outdated">>;
  acknowledge(home: Home, id: ApprovalId): Promise<Result<null>>;
  unacknowledged(
    home: Home,
    after: ApprovalId | null,
    limit: number,
  ): Promise<Result<readonly StoredApproval[]>>;
  /** Those whose time to be looked up is over. */
  purge(home: Home, nowMs: number): Promise<Result<null>>;
  /** For the batch that deletes a tenant. */
  remove(tenantId: TenantId, home: Home): D1PreparedStatement;
}

/** Sorts after every id. */
const END_OF_IDS = "~";

export function createApprovalStore({ dbOf }: { readonly dbOf: (home: Home) => D1Database }): ApprovalStore {
  const find: ApprovalStore["find"] = async (home, id, nowMs) => {
    const row = await asked(() => dbOf(home).prepare(approvalStatements.find).bind(id).first());
    return row.ok ? ok(row.value === null ? null : storedOf(row.value, home, nowMs)) : row;
  };

  return {
    find,

    async keep(home, { id, tenantId, agentId, request, askedBy, requestedAt, expiresAt }) {
      const statement = dbOf(home)
        .prepare(approvalStatements.keep)
        .bind(
          id,
          tenantId,
          agentId,
          JSON.stringify(request),
          JSON.stringify(askedBy),
          requestedAt,
          expiresAt,
        );
      const kept = await asked(() => statement.run());
      return kept.ok ? ok(null) : kept;
    },

    async list(home, { tenantId, agentId, status, cursor, limit, nowMs }) {
      const before = cursor === undefined ? ok(END_OF_IDS) : decodeCursor(cursor);
      if (!before.ok) return before;
      const filters = [
        ...(agentId === undefined ? [] : [agentId]),
        ...(timeless.has(status) ? [] : [timestampOf(nowMs)]),
      ];
      const statement = dbOf(home)
        .prepare(listStatement(agentId !== undefined, status))
        .bind(tenantId, before.value, limit + 1, ...filters);
      const rows = await asked(() => statement.all());
      if (!rows.ok) return rows;
      const approvals = rows.value.results.map((row) => storedOf(row, home, nowMs).approval);
      return ok(pageOf(approvals, limit, ({ id }) => id));
    },

    async decide({ from, decision, decidedBy, at, expiresAt, reason, companion }) {
      const { home, approval } = from;
      const db = dbOf(home);
      const update = db
        .prepare(approvalStatements.decide)
        .bind(approval.id, decision, decidedBy, expiresAt, at, reason);
      const batch = await askedToWrite(() => db.batch([update, companion]));
      if (batch.ok) return ok("committed");
      const now = await find(home, approval.id, Date.parse(at));
      if (!now.ok || now.value === null) return batch;
      // A batch whose answer was lost may have committed after all.
      if (now.value.approval.decidedAt === at && now.value.approval.decidedBy === decidedBy)
        return ok("committed");
      return now.value.approval.status === "pending" ? batch : ok("outdated");
    },

    async acknowledge(home, id) {
      const row = await asked(() => dbOf(home).prepare(approvalStatements.acknowledge).bind(id).run());
      return row.ok ? ok(null) : row;
    },

    async unacknowledged(home, after, limit) {
      const statement = dbOf(home).prepare(approvalStatements.unacknowledged);
      const rows = await asked(() => statement.bind(after ?? "", limit).all());
      return rows.ok ? ok(rows.value.results.map((row) => storedOf(row, home, 0))) : rows;
    },

    async purge(home, nowMs) {
      const statement = dbOf(home)
        .prepare(approvalStatements.purge)
        .bind(firstIdAt(nowMs - APPROVAL_KEPT_MS));
      const purged = await asked(() => statement.run());
      return purged.ok ? ok(null) : purged;
    },

    remove: (tenantId, home) => dbOf(home).prepare(tenantApprovalStatements.remove).bind(tenantId),
  };
}

/** Ids begin with their moment: 48 bits of milliseconds. */
const firstIdAt = (ms: number): string => `approval_${Math.max(0, ms).toString(16).padStart(12, "0")}`;

function storedOf(row: unknown, home: Home, nowMs: number): StoredApproval {
  const columns = Row.parse(row);
  const approval = Approval.parse({
    id: columns.id,
    tenantId: columns.tenant_id,
    agentId: columns.agent_id,
    status: statusAt(columns.status, columns.expires_at, nowMs),
    ...ApprovalRequest.parse(JSON.parse(columns.request)),
    askedBy: JSON.parse(columns.asked_by),
    requestedAt: columns.requested_at,
    expiresAt: columns.expires_at,
    decidedBy: columns.decided_by,
    decidedAt: columns.decided_at,
    reason: columns.reason,
    usedBy: columns.used_by,
  });
  return { approval, home, acknowledged: columns.acknowledged === 1 };
}
