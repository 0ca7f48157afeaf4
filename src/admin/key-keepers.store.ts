/**
 * Platform keys that can make keys, and have not ended. The last one cannot be deleted: nobody could open the control
 * plane again.
 */

import { asked } from "../kernel/asked.ts";
import type { ApiKeyId } from "../kernel/ids.ts";
import { ok, type Result } from "../kernel/result.ts";
import { timestampOf } from "../kernel/timestamp.ts";

/** Of a row of `api_keys`, its end apart. */
export const IS_KEEPER = `tenant_id IS NULL
  AND EXISTS (SELECT 1 FROM json_each(api_keys.scopes) WHERE value = 'keys:write')`;

// Control-plane keys are few; the primary key is walked until the first keeper.
const KEEPERS = `SELECT 1 FROM api_keys WHERE id > ?1 AND id <> ?2 AND (expires_at IS NULL OR expires_at > ?3)
  AND ${IS_KEEPER}`;

export const keyKeeperStatements = {
  exist: `${KEEPERS} LIMIT 1`,
  // A null id is refused by the table and takes the whole batch with it, so that two deletions at once cannot
  // each rely on the other's key.
  guard: `INSERT INTO api_keys (id, hash, name, scopes, created_at)
    SELECT NULL, '', '', '', '' WHERE NOT EXISTS (${KEEPERS})`,
} as const;

export interface KeyKeepers {
  existBeside(id: ApiKeyId, nowMs: number): Promise<Result<boolean>>;
  /** For the batch of a deletion, after it: fails the batch when no keeper is left. */
  guard(nowMs: number): D1PreparedStatement;
}

export const createKeyKeepers = (platformDb: D1Database): KeyKeepers => ({
  async existBeside(id, nowMs) {
    const statement = platformDb.prepare(keyKeeperStatements.exist).bind("", id, timestampOf(nowMs));
    const row = await asked(() => statement.first());
    return row.ok ? ok(row.value !== null) : row;
  },
  guard: (nowMs) => platformDb.prepare(keyKeeperStatements.guard).bind("", "", timestampOf(nowMs)),
});
