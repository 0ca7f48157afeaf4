/** The states of signing keys in the platform's database. Those that withdraw a key are statements of a platform revision. */
import { asked } from "../kernel/asked.ts";
import { ok, type Result } from "../kernel/result.ts";
import type { Timestamp } from "../kernel/timestamp.ts";
import { keyRecordOfRow, SELECT_SIGNING_KEYS } from "./key-rows.ts";
import type { KeyRecord } from "./key-states.ts";

export const signingKeyStatements = {
  all: SELECT_SIGNING_KEYS,
  noteSeen: `INSERT INTO signing_keys (key_id, state, published_at) VALUES (?1, 'published', ?2)
    ON CONFLICT (key_id) DO NOTHING`,
  put: `INSERT INTO signing_keys (key_id, state, published_at, signing_at, retired_at, killed_at, reason)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
    ON CONFLICT (key_id) DO UPDATE SET state = excluded.state, signing_at = excluded.signing_at,
      retired_at = excluded.retired_at, killed_at = excluded.killed_at, reason = excluded.reason`,
} as const;

export interface SigningKeyStore {
  all(): Promise<Result<readonly KeyRecord[]>>;
  /** Keys of the secret: from the first time on they count as published. No decision hangs on it. */
  noteSeen(keyIds: readonly string[], at: Timestamp): Promise<Result<unknown>>;
  put(record: KeyRecord): D1PreparedStatement;
}

export const createSigningKeyStore = (platformDb: D1Database): SigningKeyStore => ({
  async all() {
    const rows = await asked(() => platformDb.prepare(signingKeyStatements.all).all());
    return rows.ok ? ok(rows.value.results.map(keyRecordOfRow)) : rows;
  },
  noteSeen: (keyIds, at) =>
    asked(() =>
      platformDb.batch(
        keyIds.map((keyId) => platformDb.prepare(signingKeyStatements.noteSeen).bind(keyId, at)),
      ),
    ),
  put: ({ keyId, state, publishedAt, signingAt, retiredAt, killedAt, reason }) =>
    platformDb
      .prepare(signingKeyStatements.put)
      .bind(keyId, state, publishedAt, signingAt, retiredAt, killedAt, reason),
});
