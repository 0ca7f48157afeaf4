// The control plane over real D1, with ledgers in memory and a clock and a wait that tests can watch.
import { env } from "cloudflare:workers";
import { createAgentStore } from "../../../src/admin/agents.store.ts";
import { createChangeLog } from "../../../src/admin/change-log.store.ts";
import { createControlPlane } from "../../../src/admin/control-plane.routes.ts";
import type { ControlPlaneDeps } from "../../../src/admin/control-plane-deps.ts";
import type { Databases } from "../../../src/admin/databases.ts";
import { createDeploymentStore } from "../../../src/admin/deployments.store.ts";
import { createKeyKeepers } from "../../../src/admin/key-keepers.store.ts";
import { createPolicyStore } from "../../../src/admin/policies.store.ts";
import { createPoliciesAsTheyWere } from "../../../src/admin/policies-as-they-were.store.ts";
import { createPolicyHistory } from "../../../src/admin/policy-history.store.ts";
import { createRevisionedWriter } from "../../../src/admin/revisioned-write.store.ts";
import { createTenantStore } from "../../../src/admin/tenants.store.ts";
import { createTokenRefreshStore } from "../../../src/admin/token-refreshes.store.ts";
import { createTokenRevocationStore } from "../../../src/admin/token-revocations.store.ts";
import { createWebhookStore } from "../../../src/approval/approval-webhooks.store.ts";
import { createApprovalStore } from "../../../src/approval/approvals.store.ts";
import { createAuditLog } from "../../../src/audit/audit-log.store.ts";
import { createDecisionFinder } from "../../../src/audit/find-decision.store.ts";
import { createShadowFlips } from "../../../src/audit/shadow-flips.store.ts";
import { createUsageHours } from "../../../src/audit/usage-hours.store.ts";
import { configOf, configuredHomes, homeStoresOf } from "../../../src/bindings.ts";
import { ApiKeyScope, apiKeyHash, mintApiKeyText } from "../../../src/capability/api-key.ts";
import { createApiKeyStore } from "../../../src/capability/api-keys.store.ts";
import { createCurrentSigner } from "../../../src/capability/current-signer.ts";
import { createDelegationStore } from "../../../src/capability/delegations.store.ts";
import { importKeyRing } from "../../../src/capability/key-ring.ts";
import { importReceiptKeys } from "../../../src/capability/receipt-keys.ts";
import { createSigningKeyStore } from "../../../src/capability/signing-keys.store.ts";
import { createTokenVerifier } from "../../../src/capability/verify-token.ts";
import { createIdMint, TenantId } from "../../../src/kernel/ids.ts";
import { timestampOf } from "../../../src/kernel/timestamp.ts";
import { createCurrentSnapshot } from "../../../src/policy/current-snapshot.store.ts";
import { createLedgerReadings } from "../../../src/quota/ledgers.store.ts";
import { createFakeAgentLedgers, createFakeTenantLedgers } from "./fake-ledgers.ts";

export const databases: Databases = {
  platform: env.PLATFORM_DB,
  homes: configuredHomes(env),
  ofHome: (home) => homeStoresOf(env, home).db,
};

const clock = () => Date.now();
const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));
const ids = createIdMint(clock, random);

export interface CallOptions {
  readonly key?: string | null;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape.
  readonly body: any;
}

export async function createFixture(overrides: Partial<ControlPlaneDeps> = {}) {
  const tenantLedgers = createFakeTenantLedgers(databases);
  const agentLedgers = createFakeAgentLedgers();
  const waits: number[] = [];
  const work: Promise<unknown>[] = [];
  const delivered: string[] = [];
  const filled: string[] = [];
  const apiKeys = createApiKeyStore(env.PLATFORM_DB);
  const background = (promise: Promise<unknown>) => {
    work.push(promise);
  };
  const deliverOutbox = async (scope: string) => {
    delivered.push(scope);
  };
  const wait = async (ms: number) => {
    waits.push(ms);
    await new Promise((resolve) => setTimeout(resolve, 1));
  };
  const fill = async (scope: string) => {
    filled.push(scope);
  };
  const keyRing = await importKeyRing(env.SIGNING_KEYS);
  const signingKeys = createSigningKeyStore(env.PLATFORM_DB);
  const deps: ControlPlaneDeps = {
    homes: databases.homes,
    agents: createAgentStore(databases),
    policies: createPolicyStore(databases),
    policyHistory: createPolicyHistory(databases),
    policiesAsTheyWere: createPoliciesAsTheyWere(databases),
    tenants: createTenantStore(databases),
    deployments: createDeploymentStore(env.PLATFORM_DB),
    apiKeys,
    shield: { knownFlood: () => null, refused: async (_address, refusal) => refusal },
    keyKeepers: createKeyKeepers(env.PLATFORM_DB),
    changes: createChangeLog(databases),
    auditLog: createAuditLog({ dbOf: databases.ofHome }),
    decisions: createDecisionFinder({ dbOf: databases.ofHome }),
    usage: createUsageHours({ dbOf: databases.ofHome }),
    shadowFlips: createShadowFlips({ dbOf: databases.ofHome }),
    hashEndUser: async (tenantId, endUser) => `hash of ${tenantId} ${endUser}`,
    hashText: async (tenantId, text) => `text of ${tenantId} ${text}`,
    writer: createRevisionedWriter({
      databases,
      tenantLedgers,
      snapshots: { fill },
      deliverOutbox,
      background,
      clock,
      wait,
    }),
    approvals: createApprovalStore({ dbOf: databases.ofHome }),
    webhooks: createWebhookStore({ dbOf: databases.ofHome }),
    webhookSecret: configOf(env).webhookSecret,
    agentLedgers,
    tokenRefreshes: createTokenRefreshStore(databases),
    tokenRevocations: createTokenRevocationStore(databases),
    delegations: createDelegationStore({ dbOf: databases.ofHome }),
    verifier: createTokenVerifier({
      keyRing,
      issuer: env.ISSUER,
      audience: env.AUDIENCE,
      homes: databases.homes,
    }),
    readings: createLedgerReadings(env, configOf(env)),
    doctorFacts: () => Promise.reject(new Error("not asked here")),
    snapshots: {
      load: () => Promise.reject(new Error("not asked here")),
    },
    currentSnapshot: createCurrentSnapshot(databases),
    deliverOutbox,
    background,
    keyRing,
    receiptKeys: await importReceiptKeys(env.RECEIPT_KEYS, keyRing.keys),
    signingKeys,
    currentSigner: createCurrentSigner(keyRing, signingKeys),
    config: { issuer: env.ISSUER, audience: env.AUDIENCE },
    azure: { send: () => Promise.reject(new Error("not asked here")) },
    credentials: { credentialOf: () => Promise.reject(new Error("not asked here")) },
    hasEntraKeys: true,
    isLocal: true,
    ids,
    clock,
    startTimer: () => () => {},
    random,
    ...overrides,
  };
  const app = createControlPlane(deps);

  async function makeKey(
    tenantId: string | null,
    scopes: readonly ApiKeyScope[] = ApiKeyScope.options,
  ): Promise<string> {
    const text = mintApiKeyText(random);
    const apiKey = {
      id: ids.apiKey(),
      name: "test",
      scopes: [...scopes],
      tenantId: tenantId === null ? null : TenantId.parse(tenantId),
      createdAt: timestampOf(clock()),
      expiresAt: null,
    };
    const stored = await apiKeys.insert({ apiKey, hash: await apiKeyHash(text) });
    if (!stored.ok) throw new Error(stored.error.code);
    return text;
  }

  const rootKey = await makeKey(null);

  async function call(method: string, path: string, options: CallOptions = {}): Promise<Reply> {
    const headers = new Headers(options.headers);
    const key = options.key === undefined ? rootKey : options.key;
    if (key !== null) headers.set("x-api-key", key);
    const hasBody = options.body !== undefined;
    if (hasBody && !headers.has("content-type")) headers.set("content-type", "application/json");
    const body = typeof options.body === "string" ? options.body : JSON.stringify(options.body);
    const response = await app.request(`http://gateway${path}`, {
      method,
      headers,
      ...(hasBody ? { body } : {}),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: text === "" ? null : JSON.parse(text),
    };
  }

  let counter = 0;
  async function makeTenant(prefix = "tenant", home = "global"): Promise<string> {
    counter += 1;
    const id = `${prefix}-${counter}-${Math.random().toString(36).slice(2, 8)}`;
    const reply = await call("POST", "/tenants", { body: { id, name: id, home } });
    if (reply.status !== 201) throw new Error(JSON.stringify(reply.body));
    return id;
  }

  return {
    app,
    deps,
    call,
    makeKey,
    makeTenant,
    rootKey,
    tenantLedgers,
    agentLedgers,
    waits,
    work,
    delivered,
    filled,
  };
}

export const minimalPolicy = {
  name: "Allow chat",
  effect: "allow",
  actions: ["chat"],
  resources: ["api://azure-openai/models/gpt-4"],
};

export const minimalDeployment = (name: string, endpoint = "https://contoso.openai.azure.com") => ({
  name,
  model: "gpt-4",
  maxOutputTokens: 4096,
  backends: [
    {
      endpoint,
      azureDeployment: "gpt-4",
      region: "swedencentral",
      sku: "Standard",
      credential: { kind: "api_key", secret: "AZURE_OPENAI_API_KEY" },
    },
  ],
});
