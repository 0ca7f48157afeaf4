/**
 * API keys in the platform's database. A key and the record of its creation (or deletion) commit together, so both
 * writes take the statements of whatever must be in the same batch. A database that cannot be asked refuses.
 */
import * as z from "zod";
import type { ApiKeyId, TenantId } from "../kernel/ids.ts";
import { decodeCursor, type ListPage, pageOf } from "../kernel/list-page.ts";
import { refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { unsettledWrite } from "../kernel/unsettled-write.ts";
import { ApiKey } from "./api-key.ts";
import type { StoredApiKey } from "./api-key-auth.ts";

const COLUMNS = "id, hash, name, scopes, tenant_id, created_at, expires_at";
// Whatever columns there are: where the newest migration is pending, keys must still open the doctor that says so.
const FIND_BY_HASH = `SELECT * FROM api_keys WHERE hash = ?1`;
const GET = `SELECT ${COLUMNS} FROM api_keys WHERE id = ?1`;
const LIST = `SELECT ${COLUMNS} FROM api_keys WHERE id > ?1 ORDER BY id LIMIT ?2`;
// Walks the primary key as well: control-plane keys are few, and a page needs their order anyway.
const LIST_OF_TENANT = `SELECT ${COLUMNS} FROM api_keys WHERE id > ?1 AND tenant_id = ?3 ORDER BY id LIMIT ?2`;
const INSERT = `INSERT INTO api_keys (${COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)`;
const DELETE = "DELETE FROM api_keys WHERE id = ?1";

const ApiKeyRow = z
  .object({
    id: z.string(),
    hash: z.string(),
    name: z.string(),
    scopes: z.string(),
    tenant_id: z.string().nullable(),
    created_at: z.string(),
    expires_at: z.string().nullable().default(null),
  })
  .transform(
    (row): StoredApiKey => ({
      hash: row.hash,
      apiKey: ApiKey.parse({
        id: row.id,
        name: row.name,
        scopes: JSON.parse(row.scopes),
        tenantId: row.tenant_id,
        createdAt: row.created_at,
        expiresAt: row.expires_at,
      }),
    }),
  );

export interface ApiKeyFilter {
  readonly tenantId?: TenantId | undefined;
  readonly cursor?: string | undefined;
  readonly limit: number;
}

export interface ApiKeyStore {
  findByHash(hash: string): Promise<Result<StoredApiKey | null>>;
  get(id: ApiKeyId): Promise<Result<ApiKey | null>>;
  /** Oldest first. */
  list(filter: ApiKeyFilter): Promise<Result<ListPage<ApiKey>>>;
  /** @param companions commit with the key or not at all. */
  insert(key: StoredApiKey, companions?: readonly D1PreparedStatement[]): Promise<Result<void>>;
  /** False when there was no such key; companions are committed either way. */
  delete(id: ApiKeyId, companions?: readonly D1PreparedStatement[]): Promise<Result<boolean>>;
}

export function createApiKeyStore(db: D1Database): ApiKeyStore {
  async function first(statement: D1PreparedStatement): Promise<Result<StoredApiKey | null>> {
    const row = await asked(() => statement.first());
    return row.ok ? ok(row.value === null ? null : ApiKeyRow.parse(row.value)) : row;
  }

  return {
    findByHash: (hash) => first(db.prepare(FIND_BY_HASH).bind(hash)),

    async get(id) {
      const found = await first(db.prepare(GET).bind(id));
      return found.ok ? ok(found.value?.apiKey ?? null) : found;
    },

    async list({ tenantId, cursor, limit }) {
      const after = cursor === undefined ? ok("") : decodeCursor(cursor);
      if (!after.ok) return after;
      const statement =
        tenantId === undefined
          ? db.prepare(LIST).bind(after.value, limit + 1)
          : db.prepare(LIST_OF_TENANT).bind(after.value, limit + 1, tenantId);
      const rows = await asked(() => statement.all());
      if (!rows.ok) return rows;
      const keys = rows.value.results.map((row) => ApiKeyRow.parse(row).apiKey);
      return ok(pageOf(keys, limit, (key) => key.id));
    },

    async insert({ apiKey, hash }, companions = []) {
      const { id, name, scopes, tenantId, createdAt, expiresAt } = apiKey;
      const statement = db
        .prepare(INSERT)
        .bind(id, hash, name, JSON.stringify(scopes), tenantId, createdAt, expiresAt);
      const stored = await asked(() => db.batch([statement, ...companions]), unsettledWrite);
      if (stored.ok) return ok(undefined);
      if (stored.error.code === "already_exists") return stored;
      // The key's text is told once: a key whose insertion only seemed to fail would be nobody's.
      const found = await first(db.prepare(GET).bind(id));
      return found.ok && found.value?.hash === hash ? ok(undefined) : stored;
    },

    async delete(id, companions = []) {
      const statements = [db.prepare(DELETE).bind(id), ...companions];
      const results = await asked(() => db.batch(statements), unsettledWrite);
      return results.ok ? ok((results.value[0]?.meta.changes ?? 0) > 0) : results;
    },
  };
}

async function asked<T>(
  question: () => Promise<T>,
  unanswered = () => refuse("store_unavailable"),
): Promise<Result<T>> {
  try {
    return ok(await question());
  } catch (error) {
    // D1 tells a broken rule from a broken database only in the text of its error.
    const taken = error instanceof Error && error.message.includes("UNIQUE constraint failed: api_keys.");
    return fail(taken ? refuse("already_exists") : unanswered());
  }
}
