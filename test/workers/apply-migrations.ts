// The production migrations, applied to every database before each test file.
import { applyD1Migrations, type D1Migration } from "cloudflare:test";
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

await applyD1Migrations(env.PLATFORM_DB, env.PLATFORM_MIGRATIONS);
for (const home of configuredHomes(env)) {
  await applyD1Migrations(homeStoresOf(env, home).db, env.HOME_MIGRATIONS);
}
