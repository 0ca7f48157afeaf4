/** Constructs every store, client and port from the bindings. Called by worker.ts alone. */
import { waitUntil } from "cloudflare:workers";
import { Hono } from "hono";
import { createControlPlane } from "./admin/control-plane.routes.ts";
import type { Databases } from "./admin/databases.ts";
import { createDoctorFacts } from "./admin/doctor/facts.store.ts";
import { limitedDatabase } from "./admin/limited-database.store.ts";
import { notedKeyRecords } from "./admin/noted-key-records.ts";
import type { DeliverOutbox } from "./admin/outbox-delivery.ts";
import { createRevisionedWriter } from "./admin/revisioned-write.store.ts";
import { sweepUnacknowledgedAgents } from "./admin/sweep-agents.ts";
import { sweepApprovals } from "./admin/sweep-approvals.ts";
import { sweepRevocations } from "./admin/sweep-revocations.ts";
import { announceApproval, deliverDueWebhooks, type WebhookPorts } from "./approval/deliver-webhooks.ts";
import { createWebhookCalls } from "./approval/webhook-calls.client.ts";
import type { AuditLog } from "./audit/audit-log.store.ts";
import { deliverOutbox } from "./audit/outbox.store.ts";
import { createRecordQueue } from "./audit/record-queue.store.ts";
import { createUnauthenticatedLog } from "./audit/unauthenticated-log.ts";
import { createBackendHealths } from "./azure/backend-healths.ts";
import { createRetryBudget } from "./azure/retry-budget.ts";
import { createTokenCounters } from "./azure/token-counters.ts";
import { configOf, configuredHomes, type Env, homeStoresOf, secretOf } from "./bindings.ts";
import { createApiKeyStore } from "./capability/api-keys.store.ts";
import { clientNetwork } from "./capability/client-network.ts";
import type { EntraIssuer } from "./capability/entra-issuer.ts";
import { createFloodShield } from "./capability/flood-shield.ts";
import { resourceMetadataUrl } from "./capability/oauth-metadata.ts";
import { createReceiptSigner } from "./capability/sign-receipt.ts";
import { composeKeys } from "./compose-keys.ts";
import { composeStores } from "./compose-stores.ts";
import { composeUpstream } from "./compose-upstream.ts";
import type { EnforceRoutePorts } from "./gateway/enforce.routes.ts";
import { createReadiness, type Readiness } from "./gateway/readiness.ts";
import type { RefreshPorts } from "./gateway/refresh-token.ts";
import { createStoreProbes } from "./gateway/store-probes.store.ts";
import type { ExchangeRoutePorts } from "./gateway/token-exchange.routes.ts";
import type { ReportRoutePorts } from "./gateway/usage-report.routes.ts";
import type { WellKnownPorts } from "./gateway/well-known.routes.ts";
import type { Clock, RandomBytes, StartTimer, Wait } from "./kernel/clock.ts";
import { hmacSha256Hex } from "./kernel/digest.ts";
import { logFailure } from "./kernel/failure-log.ts";
import { createIdMint, PLATFORM, type TenantId } from "./kernel/ids.ts";
import { pooledRandom } from "./kernel/pooled-random.ts";
import { refuse } from "./kernel/refusal.ts";
import { fail } from "./kernel/result.ts";
import { sharedTimer } from "./kernel/shared-timer.ts";
import { createSnapshots } from "./policy/snapshots.store.ts";
import { askJurisdiction, isLocalRuntime } from "./quota/ledger-namespace.store.ts";
import { createAgentLedgers, createLedgerReadings, createTenantLedgers } from "./quota/ledgers.store.ts";
import { createWorkerNumbers } from "./quota/worker-numbers.ts";
import { configuredHome } from "./residency/configured-home.ts";
import { type Home, PLATFORM_HOME } from "./residency/home.ts";

export interface Composed extends WellKnownPorts {
  /** Those that have their stores in this deployment. */
  readonly homes: readonly Home[];
  readonly gateway: EnforceRoutePorts & ReportRoutePorts & ExchangeRoutePorts & RefreshPorts;
  /** The same for one request, whose time limits share one timer of the platform. */
  readonly gatewayOfRequest: () => Composed["gateway"];
  readonly controlPlane: Hono;
  readonly auditLog: AuditLog;
  /** Null = backends cannot be opened with Microsoft Entra. */
  readonly entra: EntraIssuer | null;
  readonly readiness: () => Promise<Readiness>;
  readonly background: (work: Promise<unknown>) => void;
  /** Sends the counts of unauthenticated requests of minutes that are over; never waits. */
  readonly flushCounts: () => void;
  /** What the minute's schedule repeats: records and webhooks not delivered; agents, revocations and decisions not acknowledged. */
  readonly sweep: () => Promise<void>;
}

const clock: Clock = () => Date.now();
const random: RandomBytes = (length) => crypto.getRandomValues(new Uint8Array(length));
const realTime: { readonly wait: Wait; readonly startTimer: StartTimer } = {
  wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  startTimer(ms, fire) {
    const timer = setTimeout(fire, ms);
    return () => clearTimeout(timer);
  },
};

/** Work that outlasts the answer. */
const inBackground = (work: Promise<unknown>): void =>
  waitUntil(work.catch((error: unknown) => logFailure({ event: "background_failed", error })));

/** Beside the script, read only when asked for: neither the script's size nor its start pays for them. */
const tokenCounter = createTokenCounters({
  o200k_base: async () => (await import("./azure/token-ranks/o200k_base.bin")).default,
  cl100k_base: async () => (await import("./azure/token-ranks/cl100k_base.bin")).default,
});

/** 128 bits tell texts apart, and records hold up to twenty of them. */
const TEXT_DIGEST_DIGITS = 32;

export async function compose(
  env: Env,
  background = inBackground,
  { wait, startTimer } = realTime,
): Promise<Composed> {
  const config = configOf(env);
  const homes = configuredHomes(env);
  const ids = createIdMint(clock, pooledRandom(random));
  const isLocal = isLocalRuntime(env.AGENT_LEDGER);
  const means = { isLocal, clock, startTimer, background };
  const { azure, credentials, entra } = await composeUpstream(env, config, means);
  const dbOf = (home: Home) => homeStoresOf(env, home).db;
  // What the gateway itself reads is limited where it is read: snapshots and the API key.
  const databases: Databases = {
    platform: limitedDatabase(env.PLATFORM_DB, startTimer),
    homes,
    ofHome: (home) => limitedDatabase(dbOf(home), startTimer),
  };

  const stores = composeStores(databases);
  const { agents, approvals, auditLog, delegations, signingKeys, tenants } = stores;
  const { tokenRefreshes, tokenRevocations } = stores;

  const queueOf = (home: Home) => homeStoresOf(env, home).audit;
  const records = createRecordQueue({ queueOf, startTimer });
  const snapshots = createSnapshots({
    platformDb: env.PLATFORM_DB,
    dbOf,
    kvOf: (home) => homeStoresOf(env, home).kv,
    background,
    startTimer,
  });
  const keys = await composeKeys(config, { signingKeys, snapshots, homes, clock });
  const { keyRing, receiptKeys, verifier } = keys;
  const agentLedgers = createAgentLedgers(env, config);
  const tenantLedgers = createTenantLedgers(env, config);
  const readings = createLedgerReadings(env, config);
  const hashEndUser = (tenantId: TenantId, endUser: string) =>
    hmacSha256Hex(config.endUserSalt, `${tenantId}/${endUser}`);
  // No tenant is called `TEXT`, so no end user has the hash of a text.
  const hashText = async (tenantId: TenantId, text: string) =>
    (await hmacSha256Hex(config.endUserSalt, `TEXT/${tenantId}/${text}`)).slice(0, TEXT_DIGEST_DIGITS);
  const workerNumber = createWorkerNumbers(random);
  const unauthenticated = createUnauthenticatedLog({
    clock,
    workerNumber,
    requestId: ids.request,
    records,
    background,
  });
  const shield = createFloodShield({ limiter: env.BAD_CREDENTIALS, clock, count: unauthenticated.count });
  const webhooks: WebhookPorts = {
    webhooks: stores.webhooks,
    calls: createWebhookCalls(),
    secret: config.webhookSecret,
    isLocal,
    clock,
    startTimer,
  };
  const deliverFrom = (db: D1Database, home: Home) => deliverOutbox({ db, queue: records, home, now: clock });
  const deliverPlatform = () => deliverFrom(databases.platform, PLATFORM_HOME);
  const deliverHome = (home: Home) => deliverFrom(databases.ofHome(home), home);
  const deliver: DeliverOutbox = (scope, home) =>
    scope === PLATFORM ? deliverPlatform() : deliverHome(home);

  const isBound = (name: string) => Reflect.get(env, name) !== undefined;
  const newReadiness = () =>
    createReadiness({
      probes: createStoreProbes({
        platformDb: env.PLATFORM_DB,
        homes,
        storesOf: (home) => homeStoresOf(env, home),
        tenantLedgers: env.TENANT_LEDGER,
      }),
      clock,
      startTimer,
    });

  const controlPlane = new Hono().route(
    "/v1",
    createControlPlane({
      ...stores,
      homes,
      webhookSecret: config.webhookSecret,
      shield,
      startTimer,
      hashEndUser,
      hashText,
      writer: createRevisionedWriter({
        databases,
        tenantLedgers,
        snapshots,
        deliverOutbox: deliver,
        background,
        clock,
        wait,
      }),
      agentLedgers,
      readings,
      doctorFacts: createDoctorFacts({
        isLocal,
        config,
        keyRing,
        signingKeys,
        receiptKeys,
        entra,
        configuredHomes: homes,
        isBound,
        hasSecret: (name) => secretOf(env, name) !== undefined,
        databases,
        // Fresh each time, unlike what anybody may ask for at /v1/ready.
        probeStores: async () => (await newReadiness()()).stores,
        askJurisdiction: (jurisdiction) => askJurisdiction(env.AGENT_LEDGER, jurisdiction),
        clock,
      }),
      snapshots,
      deliverOutbox: deliver,
      background,
      ...keys,
      config,
      azure,
      credentials,
      hasEntraKeys: entra !== null,
      isLocal,
      ids,
      clock,
      random,
    }),
  );

  const gateway: Composed["gateway"] = {
    clock,
    startTimer,
    random: Math.random,
    ids,
    verifier,
    resourceMetadata: resourceMetadataUrl(config.audience),
    receipts: createReceiptSigner(receiptKeys, config.issuer),
    shield,
    snapshots,
    ledgers: agentLedgers,
    approvals: { keep: approvals.keep, announce: (home, id) => announceApproval(webhooks, home, id) },
    readings,
    issuing: { currentSigner: keys.currentSigner, issuer: config.issuer, audience: config.audience },
    findAgent: agents.findLive,
    noteRefresh: tokenRefreshes.note,
    records,
    workerNumber,
    azure,
    credentials,
    backendHealths: createBackendHealths(),
    retryBudget: createRetryBudget(),
    hashEndUser,
    // No tenant is called `ADDRESS`, so no end user has the hash of an address.
    hashAddress: (tenantId, address) =>
      hmacSha256Hex(config.endUserSalt, `ADDRESS/${tenantId}/${clientNetwork(address)}`),
    hashText,
    tokenCounter,
    publicOrigin: new URL(config.audience).origin,
    isLocal,
    relayMaxMs: config.relayMaxMs,
    newByteChannel: () => new IdentityTransformStream(),
    background,
    homeOf: async (tenantId) => {
      const home = await tenants.homeOf(tenantId);
      if (!home.ok) return home;
      return home.value === null ? fail(refuse("tenant_unknown")) : configuredHome(homes, home.value);
    },
    apiKeys: { find: createApiKeyStore(env.PLATFORM_DB).findByHash },
    delegations,
  };

  return {
    homes,
    controlPlane,
    auditLog,
    publishedKeys: keys.publishedKeys,
    config,
    entra,
    background,
    flushCounts: unauthenticated.flush,
    readiness: newReadiness(),
    gateway,
    gatewayOfRequest() {
      const shared = sharedTimer(startTimer, clock);
      return {
        ...gateway,
        startTimer: shared,
        ledgers: createAgentLedgers(env, config, { startTimer: shared }),
        records: createRecordQueue({ queueOf, startTimer: shared }),
      };
    },
    async sweep() {
      await Promise.all([deliverPlatform(), ...homes.map(deliverHome)]);
      await notedKeyRecords({ signingKeys, keyRing, clock });
      await sweepUnacknowledgedAgents({ homes, agents, agentLedgers, delegations });
      const deps = { tokenRevocations, tokenRefreshes, delegations, agentLedgers, clock };
      await Promise.all(homes.map((home) => sweepRevocations(deps, home)));
      await Promise.all(homes.map((home) => sweepApprovals({ approvals, agentLedgers }, home, clock())));
      await Promise.all(homes.map((home) => deliverDueWebhooks(webhooks, home)));
    },
  };
}
