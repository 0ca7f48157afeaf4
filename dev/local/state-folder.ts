/**
 * Where local state lives: in the checkout, where `npx wrangler dev` looks for it, or all of it below
 * PORTCULLIS_STATE_DIR, so that tests leave a developer's own data alone.
 */
import { mkdirSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";

export const projectRoot = resolve(import.meta.dirname, "../..");
export const wranglerConfig = join(projectRoot, "wrangler.toml");

export interface StateFolder {
  readonly devVars: string;
  /** What `wrangler dev` takes as `--persist-to`. */
  readonly stores: string;
  readonly adminKey: string;
  readonly databasesConfig: string;
  readonly connection: string;
  /** What wrangler takes `request.cf` from. */
  readonly place: string;
}

export function openStateFolder(environment: NodeJS.ProcessEnv = process.env): StateFolder {
  const base = resolve(environment.PORTCULLIS_STATE_DIR || projectRoot);
  const local = join(base, ".local");
  mkdirSync(local, { recursive: true, mode: 0o700 });
  return {
    devVars: join(base, ".dev.vars"),
    stores: join(base, ".wrangler/state"),
    adminKey: join(local, "admin-key"),
    databasesConfig: join(local, "databases.json"),
    connection: join(local, "portcullis.json"),
    place: join(local, "place.json"),
  };
}

/** Only the owner may read it: it holds a secret. */
export const writeSecretFile = (path: string, text: string): Promise<void> =>
  writeFile(path, text, { mode: 0o600 });
