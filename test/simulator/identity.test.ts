// The simulated Entra, Key Vault and ARM: what they take, and the codes of what they refuse.
import { createServer } from "node:http";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { startSimulator } from "../../dev/simulator/start-simulator.ts";
import { credentialPlanOf } from "../../src/azure/credential-plan.ts";
import { DeploymentInput } from "../../src/azure/deployment.ts";
import { discoveryOf, entraIssuerOf } from "../../src/capability/entra-issuer.ts";
import { importEntraKeys } from "../../src/capability/entra-keys.ts";
import { createAssertionSigner } from "../../src/capability/sign-assertion.ts";
import { azureImport } from "../../src/cli/azure-import.ts";
import { testEntraKeys } from "../entra-keys-fixture.ts";
import { validReceipt } from "../unit/capability/receipt-fixture.ts";
import { ISSUER, validToken } from "../unit/capability/token-fixture.ts";
import { typed } from "../unit/cli/command-fixture.ts";

const keys = await importEntraKeys(testEntraKeys);
const issuer = entraIssuerOf(ISSUER);
const documents: Record<string, unknown> = {};
const gateway = createServer((request, response) => {
  const document = documents[request.url ?? ""];
  response.writeHead(document === undefined ? 404 : 200, { "content-type": "application/json" });
  response.end(JSON.stringify(document ?? {}));
});
const port = await new Promise<number>((resolve) =>
  gateway.listen(0, "127.0.0.1", () => {
    const address = gateway.address();
    resolve(typeof address === "object" && address !== null ? address.port : 0);
  }),
);
const simulator = await startSimulator();
afterAll(async () => {
  gateway.close();
  await simulator.close();
});

const TENANT = "11111111-2222-3333-4444-555555555555";
const CLIENT = "66666666-7777-8888-9999-000000000000";
const AUDIENCE = "api://AzureADTokenExchange";
const MODELS = "https://cognitiveservices.azure.com/.default";
const { identity } = simulator;

beforeEach(() => {
  documents["/entra/.well-known/openid-configuration"] = discoveryOf(ISSUER);
  documents["/entra/jwks.json"] = { keys: keys.published };
  identity.hosts.clear();
  identity.hosts.set(ISSUER, `http://127.0.0.1:${port}`);
  identity.withoutRole.clear();
  identity.newCodes = true;
  const audience = AUDIENCE;
  const known = { tenantId: TENANT, clientId: CLIENT, issuer, subject: "portcullis", audience };
  identity.federatedCredentials.splice(0, Number.POSITIVE_INFINITY, known);
  simulator.clear();
});

const signed = (changes: { issuer?: string; subject?: string; nowMs?: number; audience?: string } = {}) =>
  createAssertionSigner({
    keys,
    issuer: changes.issuer ?? issuer,
    subject: changes.subject ?? "portcullis",
    clock: () => changes.nowMs ?? Date.now(),
    newId: () => crypto.randomUUID(),
  }).sign(changes.audience ?? AUDIENCE);

async function exchange(assertion: string, changes: Record<string, string> = {}, tenant = TENANT) {
  const response = await fetch(`${simulator.url}/${tenant}/oauth2/v2.0/token`, {
    method: "POST",
    body: new URLSearchParams({
      scope: MODELS,
      client_id: CLIENT,
      client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
      client_assertion: assertion,
      grant_type: "client_credentials",
      ...changes,
    }),
  });
  // Answers are looked at member by member; a test that misreads one fails.
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}
const tokenFor = async (scope: string) =>
  String((await exchange(await signed(), { scope })).body.access_token);

describe("the token endpoint", () => {
  it("exchanges an assertion that it can verify", async () => {
    expect(await exchange(await signed())).toEqual({
      status: 200,
      body: {
        token_type: "Bearer",
        expires_in: 3_599,
        ext_expires_in: 3_599,
        access_token: expect.any(String),
      },
    });
    expect(identity.requests).toMatchObject([{ at: "token", status: 200, form: { client_id: CLIENT } }]);
    expect(simulator.requests).toEqual([]);
  });

  const refusals: readonly [
    code: number,
    what: string,
    assertion: () => string | Promise<string>,
    ask?: object,
  ][] = [
    [700211, "another issuer", () => signed({ issuer: `${issuer}/` })],
    [700213, "another subject", () => signed({ subject: "Portcullis" })],
    [700212, "another audience", () => signed({ audience: "api://azureadtokenexchange" })],
    [700024, "an assertion of before", () => signed({ nowMs: Date.now() - 1_000_000 })],
    [700024, "an assertion of later", () => signed({ nowMs: Date.now() + 1_000_000 })],
    [50027, "no JWT", () => "abc"],
    [700211, "a capability token", () => validToken()],
    [700211, "a receipt", () => validReceipt],
    [70011, "a scope of nobody's", () => signed(), { scope: "https://example.com/.default" }],
    [70011, "a scope without its end", () => signed(), { scope: "https://vault.azure.net" }],
    [900144, "another grant", () => signed(), { grant_type: "password" }],
    [700016, "an application that is not known", () => signed(), { client_id: TENANT }],
  ];
  it.each(refusals)("answers %i for %s", async (code, _what, assertion, ask) => {
    const { status, body } = await exchange(await assertion(), { ...ask });
    expect(status).toBeGreaterThanOrEqual(400);
    expect(body).toMatchObject({
      error: expect.any(String),
      error_codes: [code],
      error_description: expect.stringMatching(new RegExp(`^AADSTS${code}: .*\r\nTrace ID: `, "s")),
    });
  });

  it("does not say which part does not match, where it speaks as it used to", async () => {
    identity.newCodes = false;
    expect((await exchange(await signed({ subject: "x" }))).body).toMatchObject({
      error: "invalid_request",
      error_codes: [70021],
    });
  });

  it("tells a signature that does not verify from a key it cannot find", async () => {
    const assertion = await signed();
    const [head, , signature] = assertion.split(".");
    const [, payload] = (await signed({ nowMs: Date.now() + 1_000 })).split(".");
    expect((await exchange(`${head}.${payload}.${signature}`)).body).toMatchObject({ error_codes: [700027] });
    documents["/entra/jwks.json"] = { keys: keys.published.map((key) => ({ ...key, kid: "another" })) };
    expect((await exchange(assertion)).body).toMatchObject({
      error: "invalid_client",
      error_codes: [7000272],
    });
  });

  it.each<[what: string, change: () => void]>([
    ["cannot be reached", () => identity.hosts.set(ISSUER, "http://127.0.0.1:1")],
    ["has no document", () => delete documents["/entra/.well-known/openid-configuration"]],
    [
      "says it is another",
      () => {
        documents["/entra/.well-known/openid-configuration"] = { ...discoveryOf(ISSUER), issuer: ISSUER };
      },
    ],
  ])("answers 90061 where the issuer %s", async (_what, change) => {
    change();
    expect((await exchange(await signed())).body).toMatchObject({ error_codes: [90061] });
  });

  it.each([
    [{ kind: "status", status: 503 }, 503],
    [{ kind: "garbage" }, 200],
  ] as const)("shows the fault it is told: %j", async (fault, status) => {
    simulator.nextIdentity(fault);
    const response = await fetch(`${simulator.url}/${TENANT}/oauth2/v2.0/token`, { method: "POST" });
    expect(response.status).toBe(status);
    await response.text();
    expect((await exchange(await signed())).status).toBe(200);
  });
});

describe("models", () => {
  const chat = (authorization: string) =>
    fetch(`${simulator.url}/openai/v1/chat/completions`, {
      method: "POST",
      headers: { authorization, "content-type": "application/json" },
      body: JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "Hello" }] }),
    });

  it.each([MODELS, "https://ai.azure.com/.default"])("take a token for %s", async (scope) => {
    expect((await chat(`Bearer ${await tokenFor(scope)}`)).status).toBe(200);
  });

  it("refuse a token for another resource, one that has run out, one of nobody's, and one without the role", async () => {
    const refused = async (token: string) => {
      const response = await chat(`Bearer ${token}`);
      return [response.status, ((await response.json()) as { error: { code: string } }).error.code];
    };
    expect(await refused(await tokenFor("https://vault.azure.net/.default"))).toEqual([401, "Unauthorized"]);
    simulator.nextIdentity({ kind: "wrong-audience" });
    expect(await refused(await tokenFor(MODELS))).toEqual([401, "Unauthorized"]);
    simulator.nextIdentity({ kind: "expired-token" });
    expect(await refused(await tokenFor(MODELS))).toEqual([401, "Unauthorized"]);
    expect(await refused("a.b.c")).toEqual([401, "Unauthorized"]);
    const token = await tokenFor(MODELS);
    identity.withoutRole.add(`models ${CLIENT}`);
    expect(await refused(token)).toEqual([401, "PermissionDenied"]);
  });
});

describe("Key Vault", () => {
  const read = async (path: string, token: string) => {
    const response = await fetch(`${simulator.url}${path}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };

  it("gives a secret to a token of its own, and says why not", async () => {
    identity.secrets.set("aoai-key", "the key");
    const token = await tokenFor("https://vault.azure.net/.default");
    const path = "/secrets/aoai-key?api-version=2025-07-01";
    expect(await read(path, token)).toMatchObject({ status: 200, body: { value: "the key" } });
    expect(await read("/secrets/aoai-key", token)).toMatchObject({ status: 400 });
    expect(await read("/secrets/other?api-version=7.6", token)).toMatchObject({
      status: 404,
      body: { error: { code: "SecretNotFound" } },
    });
    expect(await read(path, await tokenFor(MODELS))).toMatchObject({ status: 401 });
    identity.withoutRole.add(`vault ${CLIENT}`);
    expect(await read(path, token)).toMatchObject({
      status: 403,
      body: { error: { code: "Forbidden", innererror: { code: "ForbiddenByRbac" } } },
    });
  });
});

it("portcullis azure import proposes what the simulated ARM says, for the gateway to take", async () => {
  const id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.CognitiveServices/accounts/contoso";
  const identityWords = ["--tenant-id", TENANT, "--client-id", CLIENT];
  const words = ["azure", "import", "--account", id, "--arm", simulator.url, ...identityWords];
  const token = await tokenFor("https://management.azure.com/.default");
  const { code, out } = await typed([azureImport], words, {
    fetch,
    environment: { AZURE_ACCESS_TOKEN: token },
  });
  expect(code).toBe(0);
  const proposed = DeploymentInput.array().parse(JSON.parse(out.join("\n")));
  expect(proposed.map(({ name, backends }) => [name, backends[0]?.sku, backends[0]?.region])).toEqual([
    ["gpt-4", "Standard", "swedencentral"],
    ["gpt-4o-mini", "Standard", "swedencentral"],
    ["text-embedding-3-small", "Standard", "swedencentral"],
    ["gpt-image-1", "Standard", "swedencentral"],
    ["dall-e-3", "Standard", "swedencentral"],
    ["gpt-4o-transcribe", "Standard", "swedencentral"],
    ["whisper", "Standard", "swedencentral"],
    ["gpt-4o-mini-tts", "Standard", "swedencentral"],
    ["tts", "Standard", "swedencentral"],
  ]);
  expect(proposed.slice(2).map(({ maxOutputTokens, actions }) => [maxOutputTokens, actions])).toEqual(
    ["embedding", "image", "image", "audio", "audio", "audio", "audio"].map((action) => [0, [action]]),
  );
  for (const { backends } of proposed) {
    for (const backend of backends) expect(credentialPlanOf(backend, true)).toMatchObject({ ok: true });
  }
});

describe("ARM", () => {
  it("lists what is deployed, with model and sku, and where", async () => {
    const token = await tokenFor("https://management.azure.com/.default");
    const account = `${simulator.url}/subscriptions/s/resourceGroups/g/providers/Microsoft.CognitiveServices/accounts/contoso`;
    const ask = async (path: string, authorization = `Bearer ${token}`) =>
      (await fetch(`${account}${path}`, { headers: { authorization } })).json();
    expect(await ask("?api-version=2025-06-01")).toMatchObject({
      location: "swedencentral",
      name: "contoso",
    });
    expect(await ask("/deployments?api-version=2025-06-01")).toMatchObject({
      value: [
        { name: "gpt-4" },
        {
          name: "gpt-4o-mini",
          sku: { name: "Standard", capacity: 10 },
          properties: { model: { format: "OpenAI", name: "gpt-4o-mini", version: "2024-07-18" } },
        },
        ...[
          "text-embedding-3-small",
          "gpt-image-1",
          "dall-e-3",
          "gpt-4o-transcribe",
          "whisper",
          "gpt-4o-mini-tts",
          "tts",
        ].map((name) => ({ name })),
      ],
    });
    expect(await ask("/deployments?api-version=2025-06-01", "Bearer a.b.c")).toMatchObject({
      error: { code: "AuthenticationFailed" },
    });
  });
});
