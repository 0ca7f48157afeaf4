/**
 * Agents, in the database of their tenant's home. A version changes exactly when something changes that a token
 * carries or a ledger checks; the record of a change commits with it. Deleted rows stay: the ledger must learn it.
 */
import * as z from "zod";
import { controlSource, outboxStatement, type UnnumberedRecord } from "../audit/outbox.store.ts";
import { Agent, type AgentPatch } from "../capability/agent.ts";
import { asked, askedToWrite } from "../kernel/asked.ts";
import { type AgentId, DEFAULT_TENANT, type TenantId } from "../kernel/ids.ts";
import { decodeCursor, type ListPage, pageOf } from "../kernel/list-page.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import type { Timestamp } from "../kernel/timestamp.ts";
import type { Home } from "../residency/home.ts";
import { type Databases, firstFound } from "./databases.ts";
import { notFound } from "./tenant-access.ts";

const COLUMNS =
  "id, tenant_id, name, description, metadata, roles, status, classification, version, acknowledged_version, created_at, updated_at";
const TENANT_OR_NULL = `CASE WHEN ?2 = '${DEFAULT_TENANT}' THEN ?2 ELSE (SELECT id FROM tenants WHERE id = ?2) END`;

export const agentStatements = {
  // A tenant deleted meanwhile makes tenant_id null, which the table refuses: the batch fails as a whole.
  insert: `INSERT INTO agents (${COLUMNS})
    VALUES (?1, ${TENANT_OR_NULL}, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0, ?10, ?10)`,
  get: `SELECT ${COLUMNS} FROM agents WHERE id = ?1`,
  list: `SELECT ${COLUMNS} FROM agents WHERE tenant_id = ?1 AND id > ?2 AND status <> 'deleted' ORDER BY id LIMIT ?3`,
  anyOfTenant: "SELECT 1 FROM agents WHERE tenant_id = ?1 AND status <> 'deleted' LIMIT 1",
  // Another version than the one read makes version null: a lost race fails the batch and leaves no record. A name
  // changes no version: where exactly what was read may be changed, the moment of its last change counts as well.
  change: `UPDATE agents SET name = COALESCE(?2, name), description = COALESCE(?3, description),
    roles = COALESCE(?4, roles), status = COALESCE(?5, status), classification = COALESCE(?6, classification),
    version = CASE WHEN version = ?7 AND updated_at = COALESCE(?10, updated_at) THEN ?8 END, updated_at = ?9 WHERE id = ?1`,
  acknowledge: "UPDATE agents SET acknowledged_version = MAX(acknowledged_version, ?2) WHERE id = ?1",
  unacknowledged: `SELECT ${COLUMNS} FROM agents INDEXED BY agents_unacknowledged
    WHERE acknowledged_version < version AND id > ?1 ORDER BY id LIMIT ?2`,
} as const;

export type StoredStatus = Agent["status"] | "deleted";

export interface StoredAgent {
  readonly agent: Agent;
  readonly home: Home;
  readonly status: StoredStatus;
  /** The highest version that the agent's ledger has acknowledged. */
  readonly acknowledgedVersion: number;
}

const AgentRow = z.object({
  id: z.string(),
  tenant_id: z.string(),
  name: z.string(),
  description: z.string(),
  metadata: z.string(),
  roles: z.string(),
  status: z.enum(["active", "disabled", "deleted"]),
  classification: z.string(),
  version: z.int(),
  acknowledged_version: z.int(),
  created_at: z.string(),
  updated_at: z.string(),
});

function parseRow(row: unknown, home: Home): StoredAgent {
  const columns = AgentRow.parse(row);
  const agent = Agent.parse({
    id: columns.id,
    tenantId: columns.tenant_id,
    name: columns.name,
    description: columns.description,
    metadata: JSON.parse(columns.metadata),
    roles: JSON.parse(columns.roles),
    status: columns.status === "deleted" ? "disabled" : columns.status,
    classification: columns.classification,
    version: columns.version,
    createdAt: columns.created_at,
    updatedAt: columns.updated_at,
  });
  return { agent, home, status: columns.status, acknowledgedVersion: columns.acknowledged_version };
}

export interface AgentChange {
  readonly from: StoredAgent;
  readonly patch: Omit<AgentPatch, "status"> & { readonly status?: StoredStatus | undefined };
  readonly version: number;
  readonly updatedAt: Timestamp;
  readonly record: UnnumberedRecord;
  /** Not even a change that makes no version may have come between. */
  readonly exactly: boolean;
  /** They commit with the change or not at all. */
  readonly companions: readonly D1PreparedStatement[];
}

export interface AgentStore {
  insert(home: Home, agent: Agent, record: UnnumberedRecord): Promise<Result<null>>;
  /** Deleted ones too. */
  find(id: AgentId): Promise<Result<StoredAgent | null>>;
  list(
    of: { readonly tenantId: TenantId; readonly home: Home },
    page: { readonly cursor?: string | undefined; readonly limit: number },
  ): Promise<Result<ListPage<Agent>>>;
  hasAny(tenantId: TenantId, home: Home): Promise<Result<boolean>>;
  /** `outdated`: the agent has another version by now. */
  change(change: AgentChange): Promise<Result<"committed" | "outdated">>;
  acknowledge(stored: StoredAgent): Promise<Result<null>>;
  unacknowledged(home: Home, after: AgentId | null, limit: number): Promise<Result<readonly StoredAgent[]>>;
}

export function createAgentStore(databases: Databases): AgentStore {
  async function findIn(home: Home, id: AgentId): Promise<Result<StoredAgent | null>> {
    const row = await asked(() => databases.ofHome(home).prepare(agentStatements.get).bind(id).first());
    return row.ok ? ok(row.value === null ? null : parseRow(row.value, home)) : row;
  }

  return {
    async insert(home, agent, record) {
      const db = databases.ofHome(home);
      const { id, tenantId, name, description, metadata, roles, status, classification, version } = agent;
      const insert = db
        .prepare(agentStatements.insert)
        .bind(
          id,
          tenantId,
          name,
          description,
          JSON.stringify(metadata),
          JSON.stringify(roles),
          status,
          classification,
          version,
          agent.createdAt,
        );
      const stored = await askedToWrite(() =>
        db.batch([insert, outboxStatement(db, controlSource(tenantId), record)]),
      );
      if (stored.ok) return ok(null);
      const found = await findIn(home, id);
      if (found.ok && found.value !== null) return ok(null);
      if (tenantId === DEFAULT_TENANT) return stored;
      const tenant = await asked(() =>
        db.prepare("SELECT 1 FROM tenants WHERE id = ?1").bind(tenantId).first(),
      );
      return tenant.ok && tenant.value === null ? fail(notFound("tenant", "tenantId")) : stored;
    },

    find: (id) => firstFound(databases.homes.map((home) => findIn(home, id))),

    async list({ tenantId, home }, { cursor, limit }) {
      const after = cursor === undefined ? ok("") : decodeCursor(cursor);
      if (!after.ok) return after;
      const statement = databases.ofHome(home).prepare(agentStatements.list);
      const rows = await asked(() => statement.bind(tenantId, after.value, limit + 1).all());
      if (!rows.ok) return rows;
      const agents = rows.value.results.map((row) => parseRow(row, home).agent);
      return ok(pageOf(agents, limit, (agent) => agent.id));
    },

    async hasAny(tenantId, home) {
      const statement = databases.ofHome(home).prepare(agentStatements.anyOfTenant).bind(tenantId);
      const row = await asked(() => statement.first());
      return row.ok ? ok(row.value !== null) : row;
    },

    async change({ from, patch, version, updatedAt, record, exactly, companions }) {
      const { agent, home } = from;
      const db = databases.ofHome(home);
      const roles = patch.roles === undefined ? null : JSON.stringify(patch.roles);
      const columns = [
        patch.name ?? null,
        patch.description ?? null,
        roles,
        patch.status ?? null,
        patch.classification ?? null,
      ];
      const update = db
        .prepare(agentStatements.change)
        .bind(agent.id, ...columns, agent.version, version, updatedAt, exactly ? agent.updatedAt : null);
      const batch = await askedToWrite(() =>
        db.batch([update, outboxStatement(db, controlSource(agent.tenantId), record), ...companions]),
      );
      if (batch.ok) return ok("committed");
      const now = await findIn(home, agent.id);
      if (!now.ok) return batch;
      const isOutdated =
        now.value?.agent.version !== agent.version ||
        (exactly && now.value.agent.updatedAt !== agent.updatedAt);
      return isOutdated ? ok("outdated") : batch;
    },

    async acknowledge({ agent, home }) {
      const statement = databases.ofHome(home).prepare(agentStatements.acknowledge);
      const row = await asked(() => statement.bind(agent.id, agent.version).run());
      return row.ok ? ok(null) : row;
    },

    async unacknowledged(home, after, limit) {
      const statement = databases.ofHome(home).prepare(agentStatements.unacknowledged);
      const rows = await asked(() => statement.bind(after ?? "", limit).all());
      return rows.ok ? ok(rows.value.results.map((row) => parseRow(row, home))) : rows;
    },
  };
}
