/** Platform keys that can make keys. The last one cannot be deleted: nobody could open the control plane again. */
import type { ApiKeyId } from "../kernel/ids.ts";
import { ok, type Result } from "../kernel/result.ts";
import { asked } from "./databases.ts";

// Control-plane keys are few; the primary key is walked until the first keeper.
const KEEPERS = `SELECT 1 FROM api_keys WHERE id > ?1 AND id <> ?2 AND tenant_id IS NULL
  AND EXISTS (SELECT 1 FROM json_each(api_keys.scopes) WHERE value = 'keys:write')`;

export const keyKeeperStatements = {
  exist: `${KEEPERS} LIMIT 1`,
  // A null id is refused by the table and takes the whole batch with it, so that two deletions at once cannot
  // each rely on the other's key.
  guard: `INSERT INTO api_keys (id, hash, name, scopes, created_at)
    SELECT NULL, '', '', '', '' WHERE NOT EXISTS (${KEEPERS})`,
} as const;

export interface KeyKeepers {
  existBeside(id: ApiKeyId): Promise<Result<boolean>>;
  /** For the batch of a deletion, after it: fails the batch when no keeper is left. */
  guard(): D1PreparedStatement;
}

export const createKeyKeepers = (platformDb: D1Database): KeyKeepers => ({
  async existBeside(id) {
    const row = await asked(() => platformDb.prepare(keyKeeperStatements.exist).bind("", id).first());
    return row.ok ? ok(row.value !== null) : row;
  },
  guard: () => platformDb.prepare(keyKeeperStatements.guard).bind("", ""),
});
