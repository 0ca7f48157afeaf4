/**
 * Tenants and deployments as the doctor reads them: page by page within bounds, and past what it cannot read. A list of the
 * control plane fails as a whole where one document or one home does; a report must not.
 */
import * as z from "zod";
import { Deployment } from "../../azure/deployment.ts";
import { asked } from "../../kernel/asked.ts";
import { DEFAULT_TENANT } from "../../kernel/ids.ts";
import { DOCTOR_MAX_PAGES, LIST_MAX_LIMIT } from "../../kernel/limits.ts";
import { builtInDefaultTenant } from "../../policy/default-tenant.ts";
import { Tenant } from "../../policy/tenant.ts";
import type { Home } from "../../residency/home.ts";
import type { Databases } from "../databases.ts";
import type { Reading, StrandedTenant } from "./facts.ts";

export const doctorStatements = {
  directory: "SELECT tenant_id AS id, home FROM directory WHERE tenant_id > ?1 ORDER BY tenant_id LIMIT ?2",
  deployments: "SELECT name AS id, document FROM deployments WHERE name > ?1 ORDER BY name LIMIT ?2",
} as const;
export const doctorTenantStatements = {
  documents: "SELECT id, document FROM tenants WHERE id IN (SELECT value FROM json_each(?1))",
} as const;

const DirectoryRow = z.object({ id: z.string(), home: z.string() });
const DocumentRow = z.object({ id: z.string(), document: z.string() });

export async function readDeployments(platformDb: D1Database): Promise<Reading<Deployment>> {
  const { rows, rest } = await pagesOf(platformDb, doctorStatements.deployments, DocumentRow);
  return { ...legible(Deployment, rows), rest };
}

export interface TenantReading {
  readonly tenants: Reading<Tenant>;
  readonly stranded: readonly StrandedTenant[];
}

export async function readTenants(
  databases: Databases,
  configuredHomes: readonly Home[],
): Promise<TenantReading> {
  const directory = await pagesOf(databases.platform, doctorStatements.directory, DirectoryRow);
  const readings = await Promise.all(
    configuredHomes.map((home) => {
      const ids = directory.rows.filter((row) => row.home === home).map(({ id }) => id);
      return readHome(databases.ofHome(home), ids);
    }),
  );
  const configured: readonly string[] = configuredHomes;
  const rest =
    directory.rest ?? (readings.some((reading) => reading.rest !== null) ? ("unreachable" as const) : null);
  return {
    tenants: {
      items: readings.flatMap(({ items }) => items),
      illegible: readings.flatMap(({ illegible }) => illegible),
      rest,
    },
    stranded: directory.rows
      .filter(({ home }) => !configured.includes(home))
      .map(({ id, home }) => ({ tenantId: id, home })),
  };
}

/** A tenant that is in the directory alone is half made or half deleted: it does not exist, save the built-in one. */
async function readHome(db: D1Database, ids: readonly string[]): Promise<Reading<Tenant>> {
  const rows: z.output<typeof DocumentRow>[] = [];
  let rest: Reading<Tenant>["rest"] = null;
  for (let start = 0; start < ids.length && rest === null; start += LIST_MAX_LIMIT) {
    const page = JSON.stringify(ids.slice(start, start + LIST_MAX_LIMIT));
    const answer = await asked(() => db.prepare(doctorTenantStatements.documents).bind(page).all());
    if (answer.ok) rows.push(...answer.value.results.map((row) => DocumentRow.parse(row)));
    else rest = "unreachable";
  }
  const isBuiltIn =
    rest === null && ids.includes(DEFAULT_TENANT) && !rows.some(({ id }) => id === DEFAULT_TENANT);
  const { items, illegible } = legible(Tenant, rows);
  return { items: isBuiltIn ? [builtInDefaultTenant, ...items] : items, illegible, rest };
}

async function pagesOf<R extends { readonly id: string }>(
  db: D1Database,
  sql: string,
  row: z.ZodType<R>,
): Promise<{ readonly rows: readonly R[]; readonly rest: Reading<R>["rest"] }> {
  const rows: R[] = [];
  for (let page = 0; page < DOCTOR_MAX_PAGES; page += 1) {
    const statement = db.prepare(sql).bind(rows.at(-1)?.id ?? "", LIST_MAX_LIMIT + 1);
    const answer = await asked(() => statement.all());
    if (!answer.ok) return { rows, rest: "unreachable" };
    const found = answer.value.results.map((each) => row.parse(each));
    rows.push(...found.slice(0, LIST_MAX_LIMIT));
    if (found.length <= LIST_MAX_LIMIT) return { rows, rest: null };
  }
  return { rows, rest: "too_many" };
}

function legible<T extends z.ZodType>(schema: T, rows: readonly z.output<typeof DocumentRow>[]) {
  const items: z.output<T>[] = [];
  const illegible: string[] = [];
  for (const { id, document } of rows) {
    const parsed = parsedAs(schema, document);
    if (parsed.success) items.push(parsed.data);
    else illegible.push(id);
  }
  return { items, illegible };
}

function parsedAs<T extends z.ZodType>(schema: T, document: string) {
  try {
    return schema.safeParse(JSON.parse(document));
  } catch {
    return { success: false } as const;
  }
}
