/**
 * The first admin key of a deployment: only its SHA-256 leaves this machine. Until it was shown it is kept in a file
 * that only the owner may read, so that a run that is interrupted between storing and showing loses nothing.
 */
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ApiKeyScope, apiKeyHash, isApiKeyText, mintApiKeyText } from "../../src/capability/api-key.ts";
import { createIdMint } from "../../src/kernel/ids.ts";
import { timestampOf } from "../../src/kernel/timestamp.ts";
import { writeSecretFile } from "../local/state-folder.ts";

export const countAdminKeys = `SELECT COUNT(*) AS n FROM api_keys WHERE tenant_id IS NULL AND scopes LIKE '%"keys:write"%'`;

export interface UnshownKey {
  exists(): boolean;
  /** The key that an earlier run did not show, or a new one. */
  open(): Promise<string>;
  forget(): Promise<void>;
}

export function unshownKeyIn(folder: string, worker: string): UnshownKey {
  const path = join(folder, `admin-key-of-${worker}`);
  const read = (): string => (existsSync(path) ? readFileSync(path, "utf8").trim() : "");
  return {
    exists: () => isApiKeyText(read()),
    async open() {
      const kept = read();
      if (isApiKeyText(kept)) return kept;
      const text = mintApiKeyText(randomBytes);
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      await writeSecretFile(path, `${text}\n`);
      return text;
    },
    forget: () => rm(path, { force: true }),
  };
}

/** Safe to repeat. No value holds a quote: ids, hexadecimal digits, names of scopes and a time. */
export async function insertAdminKey(text: string): Promise<string> {
  return insertKeyRow(await apiKeyHash(text), createIdMint(Date.now, randomBytes).apiKey());
}

export const insertKeyRow = (hash: string, id: string): string =>
  "INSERT INTO api_keys (id, hash, name, scopes, tenant_id, created_at) VALUES " +
  `('${id}', '${hash}', 'First admin key', '${JSON.stringify(ApiKeyScope.options)}', NULL, '${timestampOf(Date.now())}') ` +
  "ON CONFLICT (hash) DO NOTHING";
