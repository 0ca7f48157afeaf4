/**
 * The first API key: all scopes, bound to no tenant. Its text stays in a file only the owner may read; the database
 * holds its SHA-256. It is written to the database directly, since no other key exists yet that could make it.
 */
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import type { D1Database } from "@cloudflare/workers-types";
import { ApiKeyScope, apiKeyHash, isApiKeyText, mintApiKeyText } from "../../src/capability/api-key.ts";
import { createIdMint } from "../../src/kernel/ids.ts";
import { timestampOf } from "../../src/kernel/timestamp.ts";
import { writeSecretFile } from "./state-folder.ts";

const ALL_SCOPES = JSON.stringify(ApiKeyScope.options);

export async function ensureAdminKey(database: D1Database, path: string): Promise<string> {
  const kept = existsSync(path) ? readFileSync(path, "utf8").trim() : "";
  const text = isApiKeyText(kept) ? kept : mintApiKeyText(randomBytes);
  if (text !== kept) await writeSecretFile(path, `${text}\n`);
  const { apiKey } = createIdMint(Date.now, randomBytes);
  await database
    .prepare(
      `INSERT INTO api_keys (id, hash, name, scopes, tenant_id, created_at) VALUES (?1, ?2, ?3, ?4, NULL, ?5)
       ON CONFLICT (hash) DO NOTHING`,
    )
    .bind(apiKey(), await apiKeyHash(text), "First admin key", ALL_SCOPES, timestampOf(Date.now()))
    .run();
  return text;
}
