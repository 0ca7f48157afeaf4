/**
 * A gateway without any Azure secret: the official SDK, the Worker as an OpenID issuer, and an Entra that fetches its keys.
 * Nothing is replaced: the exchange goes over real connections, and real requests share what the isolate holds.
 */
import { InternalServerError } from "openai";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { type GatewayUnderTest, startGatewayUnderTest } from "./gateway-under-test.ts";

const hello = [{ role: "user" as const, content: "Say hello to the castle." }];
const tenantId = "11111111-2222-3333-4444-555555555555";
const client = (index: number) => `66666666-7777-8888-9999-00000000000${index}`;
let gateway: GatewayUnderTest;
let token: string;

/** Of each test its own application: what an isolate holds for one says nothing of another. */
const applications = { models: client(1), vault: client(2), broken: client(3) };

beforeAll(async () => {
  gateway = await startGatewayUnderTest();
  const { url, identity } = gateway.simulator;
  const issuer = "https://portcullis.local";
  identity.hosts.set(issuer, gateway.url);
  for (const clientId of [applications.models, applications.vault]) {
    identity.federatedCredentials.push({
      tenantId,
      clientId,
      issuer: `${issuer}/entra`,
      subject: "portcullis",
      audience: "api://AzureADTokenExchange",
    });
  }
  identity.federatedCredentials.push({
    tenantId,
    clientId: applications.broken,
    issuer: `${issuer}/entra`,
    subject: "someone-else",
    audience: "api://AzureADTokenExchange",
  });
  identity.secrets.set("aoai-key", gateway.simulator.apiKey);
  identity.secrets.set("aoai-endpoint", url);

  const entra = (clientId: string) => ({ tenantId, clientId, authority: url });
  const vault = { kind: "key_vault", secret: `${url}/secrets/aoai-key`, entra: entra(applications.vault) };
  for (const [name, endpoint, credential] of [
    ["by-entra", url, { kind: "entra", ...entra(applications.models) }],
    ["by-vault", `${url}/secrets/aoai-endpoint`, vault],
    ["broken", url, { kind: "entra", ...entra(applications.broken) }],
  ] as const) {
    const backend = {
      endpoint,
      azureDeployment: "gpt-4o-mini",
      region: "swedencentral",
      sku: "Standard",
      credential,
    };
    const made = await gateway.admin("POST", "/v1/deployments", {
      name,
      model: "gpt-4o-mini",
      maxOutputTokens: 1_000,
      backends: [backend],
    });
    expect(made.status, JSON.stringify(made.body)).toBe(201);
  }
  await gateway.admin("POST", "/v1/policies", {
    name: "models for everyone",
    effect: "allow",
    actions: ["chat"],
    resources: ["api://azure-openai/models/*"],
    constraints: { maxTokensPerRequest: 20_000, dataClassification: "internal" },
  });
  ({ token } = await gateway.agent({ name: "secretless" }));
});
afterAll(() => gateway.close());
beforeEach(() => gateway.simulator.clear());

const chat = (deployment: string) =>
  gateway.azure(token, deployment).chat.completions.create({ model: "ignored", messages: hello });
const asked = (at: string) => gateway.simulator.identity.requests.filter((request) => request.at === at);

describe("the official SDK through a backend of an Entra identity", () => {
  it("completes chats with one exchange, however many begin at once, though the first caller leaves", async () => {
    // Slow, so that all of them have come before it is over.
    gateway.simulator.nextIdentity({ kind: "slow", ms: 300 });
    const leaving = new AbortController();
    const left = gateway
      .azure(token, "by-entra")
      .chat.completions.create({ model: "ignored", messages: hello }, { signal: leaving.signal });
    await vi.waitUntil(() => asked("token").length > 0);
    leaving.abort();
    await expect(left).rejects.toThrow("aborted");
    const answers = await Promise.all(Array.from({ length: 8 }, () => chat("by-entra")));
    for (const { choices } of answers) expect(choices[0]?.message.content).toContain("castle");
    expect(asked("token")).toHaveLength(1);
    const sent = gateway.simulator.requests.map(({ headers }) => headers);
    expect(new Set(sent.map(({ authorization }) => authorization)).size).toBe(1);
    expect(sent.every((headers) => headers["api-key"] === undefined)).toBe(true);
    expect(JSON.stringify(sent)).not.toContain(token);
  });

  it("streams, with the token that is held", async () => {
    const stream = await gateway
      .openai(token)
      .chat.completions.create({ model: "by-entra", messages: hello, stream: true });
    let text = "";
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
    expect(text).toContain("castle");
    expect(asked("token")).toHaveLength(0);
  });

  it("is answered backend_unavailable where Entra does not trust the gateway, and the cause is not told", async () => {
    const error = await chat("broken").catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(InternalServerError);
    expect(error).toMatchObject({ status: 503, code: "backend_unavailable" });
    expect(JSON.stringify(error)).not.toMatch(/AADSTS|someone-else|eyJ/);
    expect(asked("token")).toMatchObject([{ status: 400 }]);
    expect(gateway.simulator.requests).toEqual([]);
  });
});

it("reads endpoint and key in Key Vault, and goes on without asking again", async () => {
  for (let index = 0; index < 2; index++) {
    expect((await chat("by-vault")).choices[0]?.message.content).toContain("castle");
  }
  expect(gateway.simulator.requests.map(({ headers }) => headers["api-key"])).toEqual([
    gateway.simulator.apiKey,
    gateway.simulator.apiKey,
  ]);
  expect(asked("vault").map(({ path }) => path)).toEqual(
    expect.arrayContaining([
      "/secrets/aoai-key?api-version=2025-07-01",
      "/secrets/aoai-endpoint?api-version=2025-07-01",
    ]),
  );
  expect(asked("vault")).toHaveLength(2);
  expect(asked("token")).toHaveLength(1);
});

it("a check calls each backend with the credential that calls have, and says why one has none", async () => {
  const found = async (name: string) =>
    (await gateway.admin("POST", `/v1/deployments/${name}/check`)).body.backends;
  expect(await found("by-entra")).toMatchObject([
    {
      credential: "entra",
      operation: "chat/completions",
      outcome: "answered",
      status: 200,
      model: "gpt-4o-mini-2024-07-18",
      processing: "region",
    },
  ]);
  expect(await found("by-vault")).toMatchObject([{ credential: "key_vault", outcome: "answered" }]);
  expect(await found("broken")).toMatchObject([{ outcome: "no_credential", reason: "AADSTS700213" }]);
  expect(gateway.simulator.requests).toHaveLength(2);
});
