// The production migrations, applied to every database before each test file. What wrangler applies one by one is one batch
// for each database here: every write waits for the disk, and there are dozens.
import type { D1Migration } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { configuredHomes, homeStoresOf } from "../../src/bindings.ts";

declare global {
  namespace Cloudflare {
    interface Env {
      readonly PLATFORM_MIGRATIONS: D1Migration[];
      readonly HOME_MIGRATIONS: D1Migration[];
    }
  }
}

/** Where wrangler notes what was applied. */
const applied =
  "CREATE TABLE d1_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)";

const apply = (db: D1Database, migrations: readonly D1Migration[]) =>
  db.batch([
    db.prepare(applied),
    ...migrations.flatMap(({ name, queries }) => [
      ...queries.map((query) => db.prepare(query)),
      db.prepare("INSERT INTO d1_migrations (name) VALUES (?1)").bind(name),
    ]),
  ]);

await Promise.all([
  apply(env.PLATFORM_DB, env.PLATFORM_MIGRATIONS),
  ...configuredHomes(env).map((home) => apply(homeStoresOf(env, home).db, env.HOME_MIGRATIONS)),
]);
