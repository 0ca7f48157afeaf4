// The production migrations, applied to every database before each test file.
import { applyD1Migrations, type D1Migration } from "cloudflare:test";
import { env } from "cloudflare:workers";

declare global {
  namespace Cloudflare {
    interface Env {
      readonly PLATFORM_MIGRATIONS: D1Migration[];
      readonly HOME_MIGRATIONS: D1Migration[];
    }
  }
}

await applyD1Migrations(env.PLATFORM_DB, env.PLATFORM_MIGRATIONS);
await applyD1Migrations(env.GLOBAL_DB, env.HOME_MIGRATIONS);
await applyD1Migrations(env.EU_DB, env.HOME_MIGRATIONS);
