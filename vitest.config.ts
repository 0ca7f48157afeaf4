import { availableParallelism } from "node:os";
import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";
import { unstable_getMiniflareWorkerOptions } from "wrangler";
import * as z from "zod";
import { testEntraKeys } from "./test/entra-keys-fixture.ts";
import { testSigningKeys } from "./test/signing-keys-fixture.ts";

/**
 * The queues of wrangler.toml, their retries and dead-letter queues too, but no delivery waits for the next. Dead letters
 * are delivered as well: without a consumer, what is moved to such a queue is dropped unseen.
 */
const { queueConsumers } = unstable_getMiniflareWorkerOptions("./wrangler.toml").workerOptions;
const declaredConsumers = z
  .record(z.string(), z.looseObject({ deadLetterQueue: z.string() }))
  .parse(queueConsumers);
const promptConsumers = Object.fromEntries(
  Object.entries(declaredConsumers).flatMap(([queue, consumer]) => [
    [queue, { ...consumer, maxBatchTimeout: 0.1, retryDelay: 0 }],
    [consumer.deadLetterQueue, { maxBatchTimeout: 0, maxRetries: 0 }],
  ]),
);

/**
 * Files of the rooms that meet D1, KV and queues but no ledger of their own leave no work behind. So they share their
 * workers: to start one costs more than most of them run.
 */
const withoutLedgers = [
  "test/workers/{audit,capability,policy}/*.test.ts",
  "test/workers/admin/!(decisions|doctor|every-route|real-ledgers).test.ts",
];

const inWorkerd = {
  testTimeout: 20_000,
  // Each as one module: every worker is sent all its modules, which were hundreds.
  deps: { optimizer: { ssr: { enabled: true, include: ["zod", "hono", "jose", "yaml"] } } },
};

const migrations = {
  PLATFORM_MIGRATIONS: await readD1Migrations("./migrations/platform"),
  HOME_MIGRATIONS: await readD1Migrations("./migrations/home"),
};

const workerd = () =>
  cloudflareTest({
    wrangler: { configPath: "./wrangler.toml" },
    miniflare: {
      // Nothing that a test makes up is asked for outside this machine.
      outboundService: () => new Response("There is no network here.", { status: 502 }),
      queueConsumers: promptConsumers,
      bindings: {
        ...migrations,
        LEASE_MS: "500",
        SIGNING_KEYS: testSigningKeys,
        RECEIPT_KEYS:
          '{"keys":[{"kty":"OKP","crv":"Ed25519","x":"sjaTsIHajCIG0PNaPXXrIpJ6FLr9NyqI8Wbzukn-r3A","d":"4r82fIjlI8cuqlYtLz-2Ptzr25mXGOBRxf_jGcmOD5M"}]}',
        LEDGER_NAME_SECRET: "a-ledger-name-secret-used-by-tests-only",
        END_USER_SALT: "an-end-user-salt-used-by-tests-only",
        WEBHOOK_SECRET: "a-webhook-secret-that-is-used-by-tests-only",
        AZURE_OPENAI_API_KEY: "simulator-key",
        ENTRA_KEYS: testEntraKeys,
      },
    },
  });

// Rooms that are pure run in Node; rooms that rely on the platform run in workerd; users' paths run against a gateway.
export default defineConfig(async () => ({
  test: {
    // Much of the suite waits for servers and clocks: one worker for each core would leave a good part of the machine idle.
    maxWorkers: availableParallelism() + 1,
    reporters: ["default", "./dev/count-reporter.ts"],
    projects: [
      // What is pure leaves nothing behind: its files share their workers instead of starting one each.
      { test: { name: "unit", include: ["test/unit/**/*.test.ts"], isolate: false } },
      { test: { name: "simulator", include: ["test/simulator/**/*.test.ts"], testTimeout: 20_000 } },
      {
        plugins: [workerd()],
        test: {
          ...inWorkerd,
          name: "workers",
          include: ["test/workers/**/*.test.ts"],
          exclude: withoutLedgers,
          setupFiles: ["./test/workers/apply-migrations.ts"],
        },
      },
      {
        plugins: [workerd()],
        test: {
          ...inWorkerd,
          name: "stores",
          include: withoutLedgers,
          isolate: false,
          setupFiles: ["./test/workers/forget-last-file.ts", "./test/workers/apply-migrations.ts"],
        },
      },
      {
        test: {
          name: "blackbox",
          include: ["test/blackbox/**/*.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
}));
