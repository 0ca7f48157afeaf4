/** A Worker in a workerd of its own, reached on a direct socket: neither `wrangler dev` nor an entry Worker in front. */
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import { unstable_getMiniflareWorkerOptions, unstable_readConfig } from "wrangler";
import { wranglerConfig } from "../local/state-folder.ts";
import type { Bundle, DataModule } from "./build.ts";
import { childrenNamed } from "./process-cpu.ts";

export interface WorkerProcess {
  readonly port: number;
  /** Null where the platform does not say. */
  readonly pid: number | null;
  /** From starting the process to its first answer. */
  readonly startMs: number;
  readonly miniflare: Miniflare;
  close(): Promise<void>;
}

/** Started one after the other: the new child is told by not having been there before. */
export async function startBareWorker(
  script: string,
  variables: Record<string, string>,
  compatibilityFlags: readonly string[] = [],
) {
  const { compatibility_date } = unstable_readConfig({ config: wranglerConfig });
  const options = { compatibilityDate: compatibility_date, compatibilityFlags, bindings: variables };
  return start(options, script, []);
}

/** What the gateway is told of its callers who leave. */
export const gatewayFlags = (): readonly string[] =>
  unstable_readConfig({ config: wranglerConfig }).compatibility_flags;

/** With every binding of wrangler.toml emulated by Miniflare, and its stores on disk in `stores`. */
export async function startGatewayWorker(bundle: Bundle, secrets: Record<string, string>, stores: string) {
  // Static assets would put two more Workers between the socket and the gateway, which every byte then passes.
  const { assets: _, ...workerOptions } = unstable_getMiniflareWorkerOptions(wranglerConfig).workerOptions;
  return start(
    { ...workerOptions, bindings: Object.assign({}, workerOptions.bindings, secrets) },
    bundle.script,
    bundle.dataModules,
    stores,
  );
}

type WorkerOptions = Parameters<typeof convertV4MiniflareOptions>[0];

async function start(
  options: object,
  script: string,
  dataModules: readonly DataModule[],
  stores?: string,
): Promise<WorkerProcess> {
  const before = new Set(childrenNamed("workerd"));
  const startedAtMs = performance.now();
  const worker = {
    ...options,
    name: "bench",
    modules: [
      { type: "ESModule", path: "worker.js", contents: script },
      ...dataModules.map((module) => ({ type: "Data", ...module })),
    ],
    unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
    // Miniflare's own Worker for outbound requests stands behind both kinds alike; it need not look at headers as well.
    stripCfConnectingIp: false,
  };
  const shared = {
    host: "127.0.0.1",
    port: 0,
    cf: false,
    log: new Log(LogLevel.ERROR),
    ...(stores === undefined ? {} : { resourcePersistencePath: stores }),
  };
  const all: WorkerOptions = { ...shared, workers: [worker] } as WorkerOptions;
  const miniflare = new Miniflare(convertV4MiniflareOptions(all));
  const { port, origin } = await miniflare.unsafeGetDirectURL();
  await (await fetch(`${origin}/.well-known/jwks.json`)).arrayBuffer();
  const startMs = performance.now() - startedAtMs;
  const pid = childrenNamed("workerd").find((child) => !before.has(child)) ?? null;
  return { port: Number(port), pid, startMs, miniflare, close: () => miniflare.dispose() };
}
