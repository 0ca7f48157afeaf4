/** A tenant's snapshot as it is in D1 at this moment: for looking into policies, not for deciding requests by them. */
import type { TenantId } from "../kernel/ids.ts";
import { refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import type { Home } from "../residency/home.ts";
import type { Snapshot } from "./snapshot.ts";
import { readPlatform, readTenant } from "./snapshots.store.ts";

interface Databases {
  readonly platform: D1Database;
  ofHome(home: Home): D1Database;
}

/** Null when the tenant does not exist. */
export type CurrentSnapshot = (tenantId: TenantId, home: Home) => Promise<Result<Snapshot | null>>;

export const createCurrentSnapshot =
  (databases: Databases): CurrentSnapshot =>
  async (tenantId, home) => {
    try {
      const [platform, tenant] = await Promise.all([
        readPlatform(databases.platform),
        readTenant(databases.ofHome(home), tenantId),
      ]);
      return ok(tenant === null ? null : { platform, tenant });
    } catch {
      return fail(refuse("store_unavailable"));
    }
  };
