/**
 * Tenants in two places: the directory (platform: which home) and the document (home: everything else). The
 * document is written first and removed first, so a tenant without one is half made or half deleted, and does not
 * exist; only `default-tenant` does, built in, until it is first changed.
 */
import * as z from "zod";
import { asked, askedToWrite } from "../kernel/asked.ts";
import { DEFAULT_TENANT, TenantId } from "../kernel/ids.ts";
import { decodeCursor, type ListPage, pageOf } from "../kernel/list-page.ts";
import { ok, type Result } from "../kernel/result.ts";
import type { Timestamp } from "../kernel/timestamp.ts";
import { builtInDefaultTenant } from "../policy/default-tenant.ts";
import { Tenant } from "../policy/tenant.ts";
import { configuredHome } from "../residency/configured-home.ts";
import { Home } from "../residency/home.ts";
import type { Databases } from "./databases.ts";

export const directoryStatements = {
  homeOf: "SELECT tenant_id, home FROM directory WHERE tenant_id = ?1",
  list: "SELECT tenant_id, home FROM directory WHERE tenant_id > ?1 ORDER BY tenant_id LIMIT ?2",
  add: "INSERT INTO directory (tenant_id, home, created_at) VALUES (?1, ?2, ?3) ON CONFLICT (tenant_id) DO NOTHING",
  remove: "DELETE FROM directory WHERE tenant_id = ?1",
} as const;

export const tenantStatements = {
  document: "SELECT document FROM tenants WHERE id = ?1",
  documents: "SELECT document FROM tenants WHERE id IN (SELECT value FROM json_each(?1))",
  put: `INSERT INTO tenants (id, document, updated_at) VALUES (?1, ?2, ?3)
    ON CONFLICT (id) DO UPDATE SET document = excluded.document, updated_at = excluded.updated_at`,
  // Agents are not written under a revision, so one may appear after the precondition was read: a null document
  // is refused by the table and takes the whole batch with it.
  failWithAgents: `UPDATE tenants SET document = CASE WHEN EXISTS
    (SELECT 1 FROM agents WHERE tenant_id = ?1 AND status <> 'deleted') THEN NULL ELSE document END WHERE id = ?1`,
  delete: "DELETE FROM tenants WHERE id = ?1",
} as const;

const DirectoryRow = z.object({ tenant_id: TenantId, home: Home });
const DocumentRow = z.object({ document: z.string() });
const parseDocumentRow = (row: unknown): Tenant => Tenant.parse(JSON.parse(DocumentRow.parse(row).document));

export interface TenantStore {
  /** What the directory says, whether or not the tenant has a document. */
  homeOf(id: TenantId): Promise<Result<Home | null>>;
  find(id: TenantId): Promise<Result<Tenant | null>>;
  list(page: {
    readonly cursor?: string | undefined;
    readonly limit: number;
  }): Promise<Result<ListPage<Tenant>>>;
  put(tenant: Tenant, at: Timestamp): D1PreparedStatement;
  /** Fails as a whole while the tenant has agents. */
  delete(id: TenantId, home: Home): readonly D1PreparedStatement[];
  /** False when the directory has the tenant in another home. */
  addToDirectory(id: TenantId, home: Home, at: Timestamp): Promise<Result<boolean>>;
  removeFromDirectory(id: TenantId): Promise<Result<null>>;
}

export function createTenantStore(databases: Databases): TenantStore {
  async function homeOf(id: TenantId): Promise<Result<Home | null>> {
    const row = await asked(() => databases.platform.prepare(directoryStatements.homeOf).bind(id).first());
    return row.ok ? ok(row.value === null ? null : DirectoryRow.parse(row.value).home) : row;
  }

  async function documentsIn(home: Home, ids: readonly TenantId[]): Promise<Result<readonly Tenant[]>> {
    if (ids.length === 0) return ok([]);
    const statement = databases.ofHome(home).prepare(tenantStatements.documents).bind(JSON.stringify(ids));
    const rows = await asked(() => statement.all());
    return rows.ok ? ok(rows.value.results.map(parseDocumentRow)) : rows;
  }

  return {
    homeOf,

    async find(id) {
      const home = await homeOf(id);
      if (!home.ok || home.value === null) return home.ok ? ok(null) : home;
      const configured = configuredHome(databases.homes, home.value);
      if (!configured.ok) return configured;
      const statement = databases.ofHome(configured.value).prepare(tenantStatements.document).bind(id);
      const row = await asked(() => statement.first());
      if (!row.ok) return row;
      return ok(row.value === null ? builtIn(id) : parseDocumentRow(row.value));
    },

    async list({ cursor, limit }) {
      const after = cursor === undefined ? ok("") : decodeCursor(cursor);
      if (!after.ok) return after;
      const statement = databases.platform.prepare(directoryStatements.list).bind(after.value, limit + 1);
      const rows = await asked(() => statement.all());
      if (!rows.ok) return rows;
      const directory = rows.value.results.map((row) => DirectoryRow.parse(row));
      const page = pageOf(directory, limit, (row) => row.tenant_id);
      const tenants = new Map<TenantId, Tenant>();
      for (const home of new Set(page.items.map((row) => row.home))) {
        // A list that left them out would look complete.
        const configured = configuredHome(databases.homes, home);
        if (!configured.ok) return configured;
        const ids = page.items.filter((row) => row.home === home).map((row) => row.tenant_id);
        const documents = await documentsIn(home, ids);
        if (!documents.ok) return documents;
        for (const tenant of documents.value) tenants.set(tenant.id, tenant);
      }
      const items = page.items.flatMap(({ tenant_id }) => tenants.get(tenant_id) ?? builtIn(tenant_id) ?? []);
      return ok({ items, nextCursor: page.nextCursor });
    },

    put: (tenant, at) =>
      databases.ofHome(tenant.home).prepare(tenantStatements.put).bind(tenant.id, JSON.stringify(tenant), at),

    delete: (id, home) =>
      [tenantStatements.failWithAgents, tenantStatements.delete].map((sql) =>
        databases.ofHome(home).prepare(sql).bind(id),
      ),

    async addToDirectory(id, home, at) {
      const statement = databases.platform.prepare(directoryStatements.add).bind(id, home, at);
      const added = await askedToWrite(() => statement.run());
      if (!added.ok) return added;
      const listed = await homeOf(id);
      return listed.ok ? ok(listed.value === home) : listed;
    },

    async removeFromDirectory(id) {
      const statement = databases.platform.prepare(directoryStatements.remove).bind(id);
      const removed = await askedToWrite(() => statement.run());
      return removed.ok ? ok(null) : removed;
    },
  };
}

const builtIn = (id: TenantId): Tenant | null => (id === DEFAULT_TENANT ? builtInDefaultTenant : null);
