/** Bundles made as for a deploy: `wrangler deploy --dry-run`. */
import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { unstable_readConfig } from "wrangler";
import { projectRoot, wranglerConfig } from "../local/state-folder.ts";

export interface DataModule {
  readonly path: string;
  readonly contents: Buffer;
}

export interface Bundle {
  readonly script: string;
  /** What the script imports when it needs it. */
  readonly dataModules: readonly DataModule[];
  /** Of all that is uploaded. */
  readonly bytes: number;
  readonly gzipBytes: number;
}

export interface Bundles {
  readonly gateway: Bundle;
  readonly cheaperGateway: Bundle;
  readonly countingGateway: Bundle;
  readonly passThrough: Bundle;
  readonly jsRelay: Bundle;
  readonly meteredRelay: Bundle;
  readonly micro: Bundle;
}

const wrangler = join(projectRoot, "node_modules/wrangler/bin/wrangler.js");
const workers = join(import.meta.dirname, "workers");

export async function buildBundles(folder: string): Promise<Bundles> {
  const bare = join(folder, "bare.json");
  const { compatibility_date, keep_names } = unstable_readConfig({ config: wranglerConfig });
  await mkdir(folder, { recursive: true });
  await writeFile(bare, JSON.stringify({ name: "bench", compatibility_date, keep_names }));
  const [gateway, cheaperGateway, countingGateway, passThrough, jsRelay, meteredRelay, micro] =
    await Promise.all([
      bundle(folder, join(projectRoot, "src/worker.ts"), wranglerConfig),
      bundle(folder, join(workers, "cheaper-gateway.ts"), wranglerConfig),
      bundle(folder, join(workers, "counting-gateway.ts"), wranglerConfig),
      bundle(folder, join(workers, "pass-through.ts"), bare),
      bundle(folder, join(workers, "js-relay.ts"), bare),
      bundle(folder, join(workers, "metered-relay.ts"), bare),
      bundle(folder, join(workers, "micro.ts"), bare),
    ]);
  return { gateway, cheaperGateway, countingGateway, passThrough, jsRelay, meteredRelay, micro };
}

async function bundle(folder: string, main: string, config: string): Promise<Bundle> {
  const name = basename(main, ".ts");
  const out = join(folder, name);
  const args = [wrangler, "deploy", main, "--dry-run", "--config", config, "--env", "", "--outdir", out];
  await promisify(execFile)(process.execPath, args, { cwd: projectRoot });
  const script = readFileSync(join(out, `${name}.js`));
  const dataModules = readdirSync(out)
    .filter((file) => file.endsWith(".bin"))
    .map((path) => ({ path, contents: readFileSync(join(out, path)) }));
  const uploaded = [script, ...dataModules.map(({ contents }) => contents)];
  const sumOf = (sizes: readonly number[]): number => sizes.reduce((sum, size) => sum + size, 0);
  return {
    script: script.toString(),
    dataModules,
    bytes: sumOf(uploaded.map(({ length }) => length)),
    gzipBytes: sumOf(uploaded.map((file) => gzipSync(file).length)),
  };
}
