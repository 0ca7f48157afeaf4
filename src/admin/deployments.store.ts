/** Deployments: platform state, one JSON document a row. Writes are statements of a platform revision. */
import * as z from "zod";
import { Deployment, type DeploymentName } from "../azure/deployment.ts";
import { asked } from "../kernel/asked.ts";
import { decodeCursor, type ListPage, pageOf } from "../kernel/list-page.ts";
import { ok, type Result } from "../kernel/result.ts";
import type { Timestamp } from "../kernel/timestamp.ts";

export const deploymentStatements = {
  get: "SELECT document FROM deployments WHERE name = ?1",
  list: "SELECT document FROM deployments WHERE name > ?1 ORDER BY name LIMIT ?2",
  put: `INSERT INTO deployments (name, document, created_at, updated_at) VALUES (?1, ?2, ?3, ?3)
    ON CONFLICT (name) DO UPDATE SET document = excluded.document, updated_at = excluded.updated_at`,
  all: "SELECT document FROM deployments WHERE name > '' ORDER BY name",
  delete: "DELETE FROM deployments WHERE name = ?1",
} as const;

const DeploymentRow = z.object({ document: z.string() });
const parseRow = (row: unknown): Deployment =>
  Deployment.parse(JSON.parse(DeploymentRow.parse(row).document));

export interface DeploymentStore {
  find(name: DeploymentName): Promise<Result<Deployment | null>>;
  list(page: {
    readonly cursor?: string | undefined;
    readonly limit: number;
  }): Promise<Result<ListPage<Deployment>>>;
  all(): Promise<Result<readonly Deployment[]>>;
  put(deployment: Deployment, at: Timestamp): D1PreparedStatement;
  delete(name: DeploymentName): D1PreparedStatement;
}

export function createDeploymentStore(platformDb: D1Database): DeploymentStore {
  return {
    async find(name) {
      const row = await asked(() => platformDb.prepare(deploymentStatements.get).bind(name).first());
      return row.ok ? ok(row.value === null ? null : parseRow(row.value)) : row;
    },

    async list({ cursor, limit }) {
      const after = cursor === undefined ? ok("") : decodeCursor(cursor);
      if (!after.ok) return after;
      const statement = platformDb.prepare(deploymentStatements.list).bind(after.value, limit + 1);
      const rows = await asked(() => statement.all());
      return rows.ok ? ok(pageOf(rows.value.results.map(parseRow), limit, ({ name }) => name)) : rows;
    },

    async all() {
      const rows = await asked(() => platformDb.prepare(deploymentStatements.all).all());
      return rows.ok ? ok(rows.value.results.map(parseRow)) : rows;
    },

    put: (deployment, at) =>
      platformDb.prepare(deploymentStatements.put).bind(deployment.name, JSON.stringify(deployment), at),
    delete: (name) => platformDb.prepare(deploymentStatements.delete).bind(name),
  };
}
