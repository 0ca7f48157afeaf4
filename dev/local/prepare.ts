/** All that a gateway needs before it starts on this machine. Idempotent: what exists stays as it is. */
import { ensureAdminKey } from "./admin-key.ts";
import { completeDevVars } from "./dev-vars.ts";
import { openLocalDatabases } from "./local-databases.ts";
import type { StateFolder } from "./state-folder.ts";

export interface Prepared {
  readonly adminKey: string;
  readonly addedVars: readonly string[];
  readonly appliedMigrations: number;
}

export async function prepare(folder: StateFolder): Promise<Prepared> {
  const addedVars = await completeDevVars(folder.devVars);
  const databases = await openLocalDatabases(folder);
  try {
    const appliedMigrations = await databases.migrate();
    const adminKey = await ensureAdminKey(databases.platform, folder.adminKey);
    return { adminKey, addedVars, appliedMigrations };
  } finally {
    await databases.close();
  }
}
