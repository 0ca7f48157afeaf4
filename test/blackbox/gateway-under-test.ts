/**
 * The whole gateway as its users meet it: the Worker in workerd behind a real port, the Azure simulator behind it,
 * and nothing else. Every test file starts its own and stops it.
 */
import { createHash, randomBytes } from "node:crypto";
import type { D1Database } from "@cloudflare/workers-types";
import { AzureOpenAI, OpenAI } from "openai";
import { createTestHarness } from "wrangler";
import { type Simulator, startSimulator } from "../../dev/simulator/start-simulator.ts";
import { ApiKeyScope } from "../../src/capability/api-key.ts";
import { homeBinding, homeNames } from "../../src/residency/home.ts";
import { testEntraKeys } from "../entra-keys-fixture.ts";
import { testSigningKeys } from "../signing-keys-fixture.ts";

/** What `request.cf` says of a caller; Miniflare takes it from this header, and only locally. */
export const frankfurt = {
  country: "DE",
  continent: "EU",
  isEUCountry: "1",
  colo: "FRA",
  tlsVersion: "TLSv1.3",
};
export const virginia = { country: "US", continent: "NA", colo: "IAD", tlsVersion: "TLSv1.3" };

const receiptKeys = JSON.stringify({
  keys: [
    {
      kty: "OKP",
      crv: "Ed25519",
      x: "sjaTsIHajCIG0PNaPXXrIpJ6FLr9NyqI8Wbzukn-r3A",
      d: "4r82fIjlI8cuqlYtLz-2Ptzr25mXGOBRxf_jGcmOD5M",
    },
  ],
});

type Json = Record<string, unknown>;

export interface AdminAnswer {
  readonly status: number;
  // Answers are looked at member by member; a test that misreads one fails.
  readonly body: Json & { readonly items?: readonly Json[] };
  readonly headers: Headers;
}

export type Admin = (method: string, path: string, body?: unknown, key?: string) => Promise<AdminAnswer>;

export interface GatewayUnderTest {
  readonly url: string;
  readonly simulator: Simulator;
  readonly admin: Admin;
  readonly adminKey: string;
  /** Registers an agent and issues its token. */
  agent(input?: Json): Promise<{ readonly id: string; readonly token: string }>;
  tokenFor(agentId: string, more?: Json): Promise<string>;
  azure(token: string, deployment?: string, place?: Json): AzureOpenAI;
  openai(token: string, place?: Json): OpenAI;
  /** Waits until the audit log holds a record that fits. */
  recorded(query: string, fits: (record: Json) => boolean): Promise<Json>;
  close(): Promise<void>;
}

/** @param hasMedia whether there are deployments of pictures and sound too: each is one more write before the first test. */
export async function startGatewayUnderTest({ hasMedia = false } = {}): Promise<GatewayUnderTest> {
  process.env.WRANGLER_SEND_METRICS = "false";
  process.env.CLOUDFLARE_CF_FETCH_ENABLED = "false";
  const simulator = await startSimulator();
  const harness = createTestHarness({
    workers: [
      {
        configPath: "./wrangler.toml",
        vars: { LEASE_MS: "500" },
        secrets: {
          SIGNING_KEYS: testSigningKeys,
          RECEIPT_KEYS: receiptKeys,
          LEDGER_NAME_SECRET: "a-ledger-name-secret-used-by-tests-only",
          END_USER_SALT: "an-end-user-salt-used-by-tests-only",
          WEBHOOK_SECRET: "a-webhook-secret-that-is-used-by-tests-only",
          AZURE_OPENAI_API_KEY: simulator.apiKey,
          ENTRA_KEYS: testEntraKeys,
        },
      },
    ],
  });
  const url = (await harness.listen()).url.origin;
  const homeDatabases = homeNames.map((home) => homeBinding(home, "db"));
  const worker = harness.getWorker<Record<"PLATFORM_DB" | (typeof homeDatabases)[number], D1Database>>();
  for (const database of ["PLATFORM_DB", ...homeDatabases] as const) await worker.applyD1Migrations(database);

  const adminKey = `pk_${randomBytes(32).toString("base64url")}`;
  const { PLATFORM_DB } = await worker.getEnv();
  await PLATFORM_DB.prepare(
    "INSERT INTO api_keys (id, hash, name, scopes, tenant_id, created_at) VALUES (?1, ?2, ?3, ?4, NULL, ?5)",
  )
    .bind(
      `key_${randomBytes(16).toString("hex")}`,
      createHash("sha256").update(adminKey).digest("hex"),
      "first key",
      JSON.stringify(ApiKeyScope.options),
      new Date().toISOString(),
    )
    .run();

  const admin: Admin = async (method, path, body, key = adminKey) => {
    const response = await fetch(url + path, {
      method,
      headers: { "x-api-key": key, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === "" ? {} : JSON.parse(text), headers: response.headers };
  };

  const tokenFor = async (agentId: string, more: Json = {}) => {
    const issued = await admin("POST", "/v1/tokens", { agentId, expiresIn: 3600, ...more });
    if (issued.status !== 201) throw new Error(`No token: ${JSON.stringify(issued.body)}`);
    return String(issued.body.token);
  };

  const backend = {
    endpoint: simulator.url,
    region: "swedencentral",
    sku: "Standard",
    credential: { kind: "api_key", secret: "AZURE_OPENAI_API_KEY" },
  };
  const deployments = [
    { name: "gpt-4", model: "gpt-4", maxOutputTokens: 8_192 },
    { name: "gpt-4o-mini", model: "gpt-4o-mini", maxOutputTokens: 16_384 },
    {
      name: "text-embedding-3-small",
      model: "text-embedding-3-small",
      maxOutputTokens: 0,
      actions: ["embedding"],
    },
  ];
  const media = [
    { name: "gpt-image-1", model: "gpt-image-1", maxOutputTokens: 0, actions: ["image"] },
    { name: "dall-e-3", model: "dall-e-3", maxOutputTokens: 0, actions: ["image"] },
    { name: "gpt-4o-transcribe", model: "gpt-4o-transcribe", maxOutputTokens: 0, actions: ["audio"] },
    { name: "whisper", model: "whisper", maxOutputTokens: 0, actions: ["audio"] },
    { name: "gpt-4o-mini-tts", model: "gpt-4o-mini-tts", maxOutputTokens: 0, actions: ["audio"] },
    {
      name: "tts",
      model: "tts",
      maxOutputTokens: 0,
      actions: ["audio"],
      prices: { perMillionCharacters: 12 },
    },
  ];
  for (const deployment of hasMedia ? [...deployments, ...media] : deployments) {
    const made = await admin("POST", "/v1/deployments", {
      ...deployment,
      backends: [{ ...backend, azureDeployment: deployment.name }],
    });
    if (made.status !== 201) throw new Error(`No deployment: ${JSON.stringify(made.body)}`);
  }

  const headersFor = (place: Json | undefined) => (place ? { "MF-CF-Blob": JSON.stringify(place) } : {});

  return {
    url,
    simulator,
    admin,
    adminKey,
    tokenFor,
    async agent(input = {}) {
      const made = await admin("POST", "/v1/agents", { name: "an agent", ...input });
      if (made.status !== 201) throw new Error(`No agent: ${JSON.stringify(made.body)}`);
      const id = String(made.body.id);
      return { id, token: await tokenFor(id) };
    },
    azure: (token, deployment = "gpt-4o-mini", place = frankfurt) =>
      new AzureOpenAI({
        endpoint: url,
        apiKey: token,
        apiVersion: "2024-10-21",
        deployment,
        maxRetries: 0,
        defaultHeaders: headersFor(place),
      }),
    openai: (token, place = frankfurt) =>
      new OpenAI({
        baseURL: `${url}/openai/v1`,
        apiKey: token,
        maxRetries: 0,
        defaultHeaders: headersFor(place),
      }),
    async recorded(query, fits) {
      const deadline = Date.now() + 15_000;
      while (Date.now() < deadline) {
        const found = (await admin("GET", `/v1/audit?${query}`)).body.items?.find(fits);
        if (found) return found;
        // Polled: the queue's consumer has no event a caller could wait for.
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      throw new Error(`No such record within 15 s: ${query}`);
    },
    async close() {
      await harness.close();
      await simulator.close();
    },
  };
}
