/** Bundles: of the gateway made as for a deploy (`wrangler deploy --dry-run`), of bare Workers by what wrangler bundles with. */
import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
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
  readonly nativeRelay: Bundle;
  readonly meteredRelay: Bundle;
  readonly micro: Bundle;
}

const wrangler = join(projectRoot, "node_modules/wrangler/bin/wrangler.js");
const workers = join(import.meta.dirname, "workers");

export async function buildBundles(folder: string): Promise<Bundles> {
  const [gateway, cheaperGateway, countingGateway, passThrough, jsRelay, nativeRelay, meteredRelay, micro] =
    await Promise.all([
      deployed(folder, join(projectRoot, "src/worker.ts")),
      deployed(folder, join(workers, "cheaper-gateway.ts")),
      deployed(folder, join(workers, "counting-gateway.ts")),
      bare("pass-through"),
      bare("js-relay"),
      bare("native-relay"),
      bare("metered-relay"),
      bare("micro"),
    ]);
  const relays = { jsRelay, nativeRelay, meteredRelay };
  return { gateway, cheaperGateway, countingGateway, passThrough, ...relays, micro };
}

async function deployed(folder: string, main: string): Promise<Bundle> {
  const name = basename(main, ".ts");
  const out = join(folder, name);
  const args = [
    wrangler,
    "deploy",
    main,
    "--dry-run",
    "--config",
    wranglerConfig,
    "--env",
    "",
    "--outdir",
    out,
  ];
  await promisify(execFile)(process.execPath, args, { cwd: projectRoot });
  const script = readFileSync(join(out, `${name}.js`));
  const dataModules = readdirSync(out)
    .filter((file) => file.endsWith(".bin"))
    .map((path) => ({ path, contents: readFileSync(join(out, path)) }));
  return bundleOf(script, dataModules);
}

/** Each start of wrangler takes longer than all of these together. */
async function bare(name: string): Promise<Bundle> {
  const { outputFiles } = await build({
    entryPoints: [join(workers, `${name}.ts`)],
    bundle: true,
    write: false,
    format: "esm",
    target: "es2024",
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:*"],
  });
  return bundleOf(Buffer.concat(outputFiles.map(({ contents }) => contents)), []);
}

function bundleOf(script: Buffer, dataModules: readonly DataModule[]): Bundle {
  const uploaded = [script, ...dataModules.map(({ contents }) => contents)];
  const sumOf = (sizes: readonly number[]): number => sizes.reduce((sum, size) => sum + size, 0);
  return {
    script: script.toString(),
    dataModules,
    bytes: sumOf(uploaded.map(({ length }) => length)),
    gzipBytes: sumOf(uploaded.map((file) => gzipSync(file).length)),
  };
}
