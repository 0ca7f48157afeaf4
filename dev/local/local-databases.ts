/**
 * The local D1 databases, opened without the Worker. Migrations are applied as `wrangler d1 migrations apply` does and
 * noted in the same table, so both ways can be mixed.
 */
import "./wrangler-quiet.ts";
import { readdirSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { D1Database } from "@cloudflare/workers-types";
import { getPlatformProxy, unstable_readConfig, unstable_splitSqlQuery } from "wrangler";
import { projectRoot, type StateFolder, wranglerConfig } from "./state-folder.ts";

export interface LocalDatabases {
  readonly platform: D1Database;
  /** Answers how many were applied. */
  migrate(): Promise<number>;
  close(): Promise<void>;
}

interface Binding {
  readonly binding: string;
  readonly database_name?: string;
  readonly migrations_dir?: string;
}

export async function openLocalDatabases(folder: StateFolder): Promise<LocalDatabases> {
  const { name, compatibility_date, d1_databases } = unstable_readConfig({ config: wranglerConfig });
  const bindings: readonly Binding[] = d1_databases;
  // The whole configuration would also declare Durable Objects, which exist only together with the Worker.
  await writeFile(folder.databasesConfig, JSON.stringify({ name, compatibility_date, d1_databases }));
  const proxy = await getPlatformProxy<Record<string, D1Database>>({
    configPath: folder.databasesConfig,
    // Here, and only here, wrangler wants the version folder named.
    persist: { path: join(folder.stores, "v3") },
    envFiles: [],
    remoteBindings: false,
  });
  const open = (binding: string): D1Database => {
    const database = proxy.env[binding];
    if (database === undefined) throw new Error(`wrangler.toml binds no D1 database as ${binding}.`);
    return database;
  };
  return {
    platform: open("PLATFORM_DB"),
    async migrate() {
      let applied = 0;
      for (const { binding, migrations_dir = "migrations" } of bindings) {
        applied += await applyMigrations(open(binding), join(projectRoot, migrations_dir));
      }
      return applied;
    },
    close: () => proxy.dispose(),
  };
}

const CREATE_BOOK = `CREATE TABLE IF NOT EXISTS d1_migrations (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT UNIQUE,
  applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
)`;

async function applyMigrations(database: D1Database, directory: string): Promise<number> {
  await database.prepare(CREATE_BOOK).run();
  const { results } = await database.prepare("SELECT name FROM d1_migrations").all<{ name: string }>();
  const done = new Set(results.map(({ name }) => name));
  const pending = readdirSync(directory)
    .filter((name) => name.endsWith(".sql") && !done.has(name))
    .sort();
  for (const name of pending) {
    const statements = unstable_splitSqlQuery(readFileSync(join(directory, name), "utf8"));
    await database.batch([
      ...statements.map((statement) => database.prepare(statement)),
      database.prepare("INSERT INTO d1_migrations (name) VALUES (?1)").bind(name),
    ]);
  }
  return pending.length;
}
