import { availableParallelism } from "node:os";
import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";
import { testEntraKeys } from "./test/entra-keys-fixture.ts";
import { testSigningKeys } from "./test/signing-keys-fixture.ts";
import { unstable_getMiniflareWorkerOptions } from "wrangler";
import * as z from "zod";

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

// Rooms that are pure run in Node; rooms that rely on the platform run in workerd; users' paths run against a gateway.
export default defineConfig(async () => ({
  test: {
    // Much of the suite waits for servers and clocks: one worker less than cores would leave most of the machine idle.
    maxWorkers: Math.max(2, availableParallelism()),
    reporters: ["default", "./dev/count-reporter.ts"],
    projects: [
      // What is pure leaves nothing behind: its files share their workers instead of starting one each.
      { test: { name: "unit", include: ["test/unit/**/*.test.ts"], isolate: false } },
      { test: { name: "simulator", include: ["test/simulator/**/*.test.ts"], testTimeout: 20_000 } },
      {
        plugins: [
          cloudflareTest({
            wrangler: { configPath: "./wrangler.toml" },
            miniflare: {
              // Nothing that a test makes up is asked for outside this machine.
              outboundService: () => new Response("There is no network here.", { status: 502 }),
              queueConsumers: promptConsumers,
              bindings: {
                PLATFORM_MIGRATIONS: await readD1Migrations("./migrations/platform"),
                HOME_MIGRATIONS: await readD1Migrations("./migrations/home"),
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
          }),
        ],
        test: {
          name: "workers",
          include: ["test/workers/**/*.test.ts"],
          setupFiles: ["./test/workers/apply-migrations.ts"],
          testTimeout: 20_000,
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
