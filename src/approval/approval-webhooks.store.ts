/**
 * Webhooks of tenants, and what is still to be told them, in the home's database. An attempt is claimed before it is made:
 * whoever dies over it leaves it to be made again, and two never make the same one.
 */
import * as z from "zod";
import { asked, askedToWrite } from "../kernel/asked.ts";
import { DEFAULT_TENANT, TenantId } from "../kernel/ids.ts";
import { ok, type Result } from "../kernel/result.ts";
import { type Timestamp, timestampOf } from "../kernel/timestamp.ts";
import type { Home } from "../residency/home.ts";
import { Approval, ApprovalRequest } from "./approval.ts";
import { ApprovalWebhook, type StoredWebhook } from "./approval-webhook.ts";
import type { Delivery, WebhookOutbox } from "./webhook-outbox.ts";

// A tenant deleted meanwhile has no row: the null that this makes of it is refused, and the batch with it.
const TENANT_OR_NULL = `CASE WHEN ?1 = '${DEFAULT_TENANT}' THEN ?1 ELSE (SELECT id FROM tenants WHERE id = ?1) END`;
const DUE = `SELECT d.approval_id, d.attempts, w.url, w.nonce, a.tenant_id, a.agent_id, a.status, a.request, a.requested_at, a.expires_at
  FROM webhook_deliveries AS d CROSS JOIN approvals AS a ON a.id = d.approval_id
  CROSS JOIN approval_webhooks AS w ON w.tenant_id = d.tenant_id`;

export const webhookStatements = {
  find: "SELECT tenant_id, url, nonce, updated_at FROM approval_webhooks WHERE tenant_id = ?1",
  // Where only what was read may be replaced, another moment makes the URL null, which the table refuses.
  put: `INSERT INTO approval_webhooks (tenant_id, url, nonce, updated_at) VALUES (${TENANT_OR_NULL}, ?2, ?3, ?4)
    ON CONFLICT (tenant_id) DO UPDATE SET nonce = excluded.nonce, updated_at = excluded.updated_at,
    url = CASE WHEN approval_webhooks.updated_at = COALESCE(?5, approval_webhooks.updated_at) THEN excluded.url END`,
  failUnlessSeen: `UPDATE approval_webhooks SET url = CASE WHEN updated_at = ?2 THEN url END WHERE tenant_id = ?1`,
  remove: "DELETE FROM approval_webhooks WHERE tenant_id = ?1",
  dueOne: `${DUE} WHERE d.approval_id = ?1 AND d.next_at <= ?2`,
  due: `${DUE} WHERE d.next_at <= ?1 ORDER BY d.next_at LIMIT ?2`,
  claim:
    "UPDATE webhook_deliveries SET attempts = attempts + 1, next_at = ?3 WHERE approval_id = ?1 AND attempts = ?2",
  done: "DELETE FROM webhook_deliveries WHERE approval_id = ?1",
  // Of webhooks that were deleted.
  purge: "DELETE FROM webhook_deliveries WHERE next_at < ?1",
} as const;

const WebhookRow = z
  .object({ tenant_id: z.string(), url: z.string(), nonce: z.string(), updated_at: z.string() })
  .transform(
    ({ tenant_id, url, nonce, updated_at }): StoredWebhook => ({
      webhook: ApprovalWebhook.parse({ tenantId: tenant_id, url, updatedAt: updated_at }),
      nonce,
    }),
  );

const DueRow = z.object({
  approval_id: Approval.shape.id,
  attempts: z.int().min(0),
  url: z.string(),
  nonce: z.string(),
  tenant_id: TenantId,
  agent_id: Approval.shape.agentId,
  status: z.string(),
  request: z.string(),
  requested_at: Approval.shape.requestedAt,
  expires_at: Approval.shape.expiresAt,
});

export interface WebhookStore extends WebhookOutbox {
  find(home: Home, tenantId: TenantId): Promise<Result<StoredWebhook | null>>;
  /**
   * @param companion commits with the webhook or not at all.
   * @param seen only where this is its moment; null = whatever there is. `outdated`: it is another one.
   */
  put(
    home: Home,
    stored: StoredWebhook,
    seen: Timestamp | null,
    companion: D1PreparedStatement,
  ): Promise<Result<"committed" | "outdated">>;
  /** Only as it was read. */
  remove(
    home: Home,
    webhook: ApprovalWebhook,
    companion: D1PreparedStatement,
  ): Promise<Result<"committed" | "outdated">>;
  /** For the batch that deletes a tenant. */
  removeWith(tenantId: TenantId, home: Home): D1PreparedStatement;
}

export function createWebhookStore({ dbOf }: { readonly dbOf: (home: Home) => D1Database }): WebhookStore {
  const prepare = (home: Home, name: keyof typeof webhookStatements) =>
    dbOf(home).prepare(webhookStatements[name]);
  const deliveries = async (statement: D1PreparedStatement, nowMs: number) => {
    const rows = await asked(() => statement.all());
    return rows.ok ? ok(rows.value.results.map((row) => deliveryOf(row, nowMs))) : rows;
  };
  const find: WebhookStore["find"] = async (home, tenantId) => {
    const row = await asked(() => prepare(home, "find").bind(tenantId).first());
    return row.ok ? ok(row.value === null ? null : WebhookRow.parse(row.value)) : row;
  };

  return {
    find,

    async put(home, { webhook, nonce }, seen, companion) {
      const { tenantId, url, updatedAt } = webhook;
      const put = prepare(home, "put").bind(tenantId, url, nonce, updatedAt, seen);
      const batch = await askedToWrite(() => dbOf(home).batch([put, companion]));
      if (batch.ok) return ok("committed");
      const now = await find(home, tenantId);
      if (now.ok && now.value?.nonce === nonce) return ok("committed");
      return seen !== null && now.ok && now.value?.webhook.updatedAt !== seen ? ok("outdated") : batch;
    },

    async remove(home, { tenantId, updatedAt }, companion) {
      const statements = [
        prepare(home, "failUnlessSeen").bind(tenantId, updatedAt),
        prepare(home, "remove").bind(tenantId),
        companion,
      ];
      const batch = await askedToWrite(() => dbOf(home).batch(statements));
      if (batch.ok) return ok("committed");
      const now = await find(home, tenantId);
      if (!now.ok) return batch;
      if (now.value === null) return ok("committed");
      return now.value.webhook.updatedAt === updatedAt ? batch : ok("outdated");
    },

    removeWith: (tenantId, home) => prepare(home, "remove").bind(tenantId),

    dueOne: (home, id, nowMs) => deliveries(prepare(home, "dueOne").bind(id, timestampOf(nowMs)), nowMs),
    due: (home, nowMs, limit) => deliveries(prepare(home, "due").bind(timestampOf(nowMs), limit), nowMs),

    async claim(home, { approval, attempts }, nextAtMs) {
      const claimed = await asked(() =>
        prepare(home, "claim").bind(approval.id, attempts, timestampOf(nextAtMs)).run(),
      );
      return claimed.ok ? ok(claimed.value.meta.changes > 0) : claimed;
    },

    async done(home, id) {
      const done = await asked(() => prepare(home, "done").bind(id).run());
      return done.ok ? ok(null) : done;
    },

    async purge(home, beforeMs) {
      const purged = await asked(() => prepare(home, "purge").bind(timestampOf(beforeMs)).run());
      return purged.ok ? ok(null) : purged;
    },
  };
}

function deliveryOf(row: unknown, nowMs: number): Delivery {
  const due = DueRow.parse(row);
  return {
    approval: {
      id: due.approval_id,
      tenantId: due.tenant_id,
      agentId: due.agent_id,
      requestedAt: due.requested_at,
      expiresAt: due.expires_at,
      ...ApprovalRequest.parse(JSON.parse(due.request)),
    },
    isPending: due.status === "pending" && nowMs < Date.parse(due.expires_at),
    attempts: due.attempts,
    url: due.url,
    nonce: due.nonce,
  };
}
