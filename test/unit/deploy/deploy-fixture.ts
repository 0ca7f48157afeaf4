// One account, one copy of wrangler.toml, and as many runs of `npm run deploy` as a test wants.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { onTestFinished } from "vitest";
import { deploy } from "../../../dev/deploy/deploy.ts";
import { readConfig } from "../../../dev/deploy/read-config.ts";
import { FakeWrangler } from "./fake-wrangler.ts";

/** The project's own, as it was before anyone deployed from it. */
export const wranglerToml = readFileSync(
  resolve(import.meta.dirname, "../../../wrangler.toml"),
  "utf8",
).replaceAll(/^(database_id|id) = .*\n/gm, "");

/** wrangler.toml after an operator deleted all blocks of these homes, of production and staging. */
export const withoutHomes = (toml: string, homes: readonly string[]): string =>
  toml
    .split(/^(?=# --- )/m)
    .filter(
      (section) => !homes.some((home) => new RegExp(`^# --- (Staging, h|H)ome: ${home}\n`).test(section)),
    )
    .join("");

interface DoctorAtHand {
  readonly report?: unknown;
  readonly adminKey?: string;
}

export function newAccount() {
  const folder = mkdtempSync(join(tmpdir(), "portcullis-deploy-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return accountIn(folder);
}

export function accountIn(folder: string) {
  const configPath = join(folder, "wrangler.toml");
  const keyFolder = join(folder, "keys");
  writeFileSync(configPath, wranglerToml);
  const wrangler = new FakeWrangler(configPath);
  const said: string[] = [];
  const asked: string[] = [];
  /** To the doctor. */
  const keysSent: string[] = [];
  return {
    wrangler,
    said,
    asked,
    keysSent,
    configPath,
    toml: () => readFileSync(configPath, "utf8"),
    keptKeys: () => (existsSync(keyFolder) ? readdirSync(keyFolder) : []),
    /** @param status of every answer of the gateway; undefined = it cannot be reached. */
    run: (environment?: string, isDryRun = false, status?: number, doctor: DoctorAtHand = {}) =>
      deploy(
        { environment, isDryRun },
        {
          run: wrangler.run,
          say: (line) => said.push(line),
          reach: {
            async fetch(url, init) {
              asked.push(String(url));
              if (status === undefined) throw new TypeError("unreachable");
              if (!String(url).endsWith("/v1/doctor")) return new Response("{}", { status });
              keysSent.push(new Headers(init?.headers).get("x-api-key") ?? "");
              return Response.json(doctor.report ?? {}, { status });
            },
            wait: async () => {},
          },
          configPath,
          keyFolder,
          accountId: undefined,
          adminKey: doctor.adminKey,
        },
      ),
    shownKeys: () => said.flatMap((line) => /pk_[A-Za-z0-9_-]{43}/.exec(line)?.[0] ?? []),
    adminKeyHashes: (database = "portcullis-platform") =>
      (wrangler.tables.get(`d1-${database}`)?.prepare("SELECT hash FROM api_keys").all() ?? []).map(
        ({ hash }) => String(hash),
      ),
    /** What a deployment leaves behind, without what is random. */
    endState: () => ({
      databases: [...wrangler.databases],
      namespaces: [...wrangler.namespaces],
      queues: [...wrangler.queues],
      buckets: [...wrangler.buckets],
      secrets: [...wrangler.secrets].map(([worker, values]) => [worker, [...values.keys()]]),
      migrated: [...wrangler.tables.keys()],
      deployed: [...wrangler.deployed],
      toml: readFileSync(configPath, "utf8"),
      ids: readConfig(configPath, undefined).d1_databases.map((row) => row.database_id),
    }),
  };
}
