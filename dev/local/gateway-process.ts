/**
 * The gateway as a process of its own: `wrangler dev` without its terminal. It lives as long as the channel to its
 * parent, so it ends with the parent however that ends.
 */
import "./wrangler-quiet.ts";
import { unstable_startWorker } from "wrangler";
import type { GatewayOptions } from "./gateway.ts";

// Ours to decide when to stop: a signal that reaches the whole group must not end the gateway before its records are kept.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});

const MINUTE_MS = 60_000;

const worker = Promise.withResolvers<Awaited<ReturnType<typeof unstable_startWorker>>>();

process.once("disconnect", () => {
  void worker.promise.then((started) => started.dispose()).finally(() => process.exit(0));
});

process.once("message", (options: GatewayOptions) => {
  worker.resolve(start(options));
  worker.promise.then(
    async (started) => process.send?.({ url: String(await started.url) }),
    (error: unknown) => process.send?.({ failure: error instanceof Error ? error.message : String(error) }),
  );
});

async function start({ config, devVars, stores, azureKey, place }: GatewayOptions) {
  // With the first one set, wrangler would not look at the second. It fetches nothing where the file is there.
  delete process.env.CLOUDFLARE_CF_FETCH_ENABLED;
  process.env.CLOUDFLARE_CF_FETCH_PATH = place;
  const started = await unstable_startWorker({
    config,
    envFiles: [devVars],
    // Whoever answers as Azure in this run decides the key, whatever the file was made with.
    bindings: { AZURE_OPENAI_API_KEY: { type: "secret_text", value: azureKey } },
    dev: {
      server: { hostname: "127.0.0.1", port: 0 },
      inspector: false,
      persist: stores,
      remote: false,
      // A reload would lose the records that wait in the local queues.
      watch: false,
      logLevel: "warn",
    },
  });
  await started.ready;
  // Deployed, wrangler.toml's cron does this; wrangler leaves it to us.
  const schedule = new URL("/cdn-cgi/local/scheduled", await started.url);
  setInterval(() => void fetch(schedule).catch(() => {}), MINUTE_MS).unref();
  return started;
}
