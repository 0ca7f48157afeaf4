/** Backends opened by Microsoft Entra: what the gateway publishes, what a call carries, and where no token is ever found. */
import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { decodeJwt } from "jose";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { CredentialAnswer } from "../../../src/azure/credential-calls.ts";
import { createUpstreamCredentials } from "../../../src/azure/upstream-credentials.ts";
import { importEntraKeys } from "../../../src/capability/entra-keys.ts";
import { createAssertionSigner } from "../../../src/capability/sign-assertion.ts";
import { logCredentialFailure } from "../../../src/kernel/failure-log.ts";
import { homeNames } from "../../../src/residency/home.ts";
import worker from "../../../src/worker.ts";
import { testEntraJwk, testEntraKeys } from "../../entra-keys-fixture.ts";
import { ledgers, restingAtPlatform, restingInHome } from "../residency/resting-data.ts";
import {
  admin,
  backend,
  backgroundDone,
  call,
  codeOf,
  completion,
  newCaller,
  scriptedAzure,
} from "./gateway-fixture.ts";

const identity = {
  tenantId: "11111111-2222-3333-4444-555555555555",
  clientId: "66666666-7777-8888-9999-000000000000",
};
const TOKEN = "access-token.of-entra.secret";
const KEY = "key-of-the-vault-secret";
const endpoint = "https://contoso.openai.azure.com";
await admin("POST", "/v1/deployments", {
  name: "by-entra",
  model: "gpt",
  maxOutputTokens: 1_000,
  backends: [{ ...backend, endpoint, credential: { kind: "entra", ...identity } }],
});
await admin("POST", "/v1/deployments", {
  name: "by-vault",
  model: "gpt",
  maxOutputTokens: 1_000,
  backends: [
    {
      ...backend,
      endpoint: "https://contoso.vault.azure.net/secrets/aoai-endpoint",
      credential: {
        kind: "key_vault",
        secret: "https://contoso.vault.azure.net/secrets/aoai-key",
        entra: identity,
      },
    },
  ],
});

const keys = await importEntraKeys(testEntraKeys);
/** Credentials as they are composed, over a scripted Entra and Key Vault. */
function credentialsWith(answer: (assertion: string) => CredentialAnswer) {
  const assertions: string[] = [];
  const credentials = createUpstreamCredentials({
    secretOf: () => undefined,
    signer: createAssertionSigner({
      keys,
      issuer: "https://gateway.test/entra",
      subject: "portcullis",
      clock: Date.now,
      newId: () => crypto.randomUUID(),
    }),
    calls: {
      async ask({ url, body }) {
        if (url.includes("/secrets/aoai-key")) return { status: 200, json: { value: KEY } };
        if (url.includes("/secrets/")) return { status: 200, json: { value: `${endpoint}/` } };
        const assertion = new URLSearchParams(body ?? "").get("client_assertion") ?? "";
        assertions.push(assertion);
        return answer(assertion);
      },
    },
    isLocal: false,
    clock: Date.now,
    startTimer(ms, fire) {
      const timer = setTimeout(fire, ms);
      return () => clearTimeout(timer);
    },
    background: () => {},
    onFailure: logCredentialFailure,
  });
  return { credentials, assertions };
}
const granted = (): CredentialAnswer => ({
  status: 200,
  json: { token_type: "Bearer", expires_in: 3_599, access_token: TOKEN },
});
const quoting = (assertion: string): CredentialAnswer => ({
  status: 400,
  json: { error: "invalid_request", error_description: `AADSTS700213: ${assertion}`, error_codes: [700213] },
});

const logged: string[] = [];
beforeEach(() => {
  for (const method of ["log", "info", "warn", "error"] as const) {
    vi.spyOn(console, method).mockImplementation((...line: unknown[]) => {
      logged.push(line.map(String).join(" "));
    });
  }
});
afterEach(() => vi.restoreAllMocks());

const published = (path: string, changes: object = {}) =>
  worker.fetch(new Request(`https://gateway.test${path}`), { ...env, ...changes }, createExecutionContext());

describe("what Entra finds", () => {
  it("is a document of the issuer, and keys for assertions alone", async () => {
    const discovery = await (await published("/entra/.well-known/openid-configuration")).json();
    expect(discovery).toMatchObject({
      issuer: `${env.ISSUER}/entra`,
      jwks_uri: `${env.ISSUER}/entra/jwks.json`,
    });
    const { keys: found } = (await (await published("/entra/jwks.json")).json()) as { keys: object[] };
    expect(found).toEqual(keys.published);
    const { keys: others } = (await (await published("/.well-known/jwks.json")).json()) as { keys: object[] };
    expect(others.filter((key) => "n" in key)).toEqual([]);
  });

  it.each(["/entra/.well-known/openid-configuration", "/entra/jwks.json"])(
    "is nothing without keys: %s",
    async (path) => {
      expect((await published(path, { ENTRA_KEYS: "" })).status).toBe(404);
    },
  );
});

describe("a call", () => {
  it("carries a token of Entra and nothing else that could be one", async () => {
    const { credentials, assertions } = credentialsWith(granted);
    const azure = scriptedAzure(completion);
    const caller = { ...(await newCaller()), deployment: "by-entra" };
    expect((await call(caller, { azure, credentials })).status).toBe(200);
    expect((await call(caller, { azure, credentials })).status).toBe(200);
    expect(azure.requests.map(({ headers }) => headers.get("authorization"))).toEqual([
      `Bearer ${TOKEN}`,
      `Bearer ${TOKEN}`,
    ]);
    expect(azure.requests[0]?.headers.get("api-key")).toBeNull();
    expect(azure.requests[0]?.url.startsWith(`${endpoint}/openai/`)).toBe(true);
    expect(assertions).toHaveLength(1);
    expect(decodeJwt(assertions[0] ?? "")).toMatchObject({
      sub: "portcullis",
      aud: "api://AzureADTokenExchange",
    });
    await backgroundDone();
  });

  it("goes where Key Vault says, with the key that it holds", async () => {
    const { credentials } = credentialsWith(granted);
    const azure = scriptedAzure(completion);
    const caller = { ...(await newCaller()), deployment: "by-vault" };
    expect((await call(caller, { azure, credentials })).status).toBe(200);
    expect(azure.requests[0]?.headers.get("api-key")).toBe(KEY);
    expect(azure.requests[0]?.url.startsWith(`${endpoint}/openai/`)).toBe(true);
    await backgroundDone();
  });

  it("is refused where no token is to be had, uses nothing up, and says why in the log alone", async () => {
    const { credentials } = credentialsWith(quoting);
    const azure = scriptedAzure(completion);
    const caller = { ...(await newCaller({ maxRequestsPerDay: 1 })), deployment: "by-entra" };
    const refused = await call(caller, { azure, credentials });
    expect([refused.status, await codeOf(refused)]).toEqual([503, "backend_unavailable"]);
    expect(logged.at(-1)).toContain('"event":"credential_failed"');
    expect(logged.at(-1)).toContain('"reason":"AADSTS700213"');
    expect(azure.requests).toEqual([]);
    const { credentials: mended } = credentialsWith(granted);
    expect((await call(caller, { azure, credentials: mended })).status).toBe(200);
    await backgroundDone();
  });
});

it("no token, assertion, key or part of one rests anywhere, is logged or is answered", async () => {
  const caller = await newCaller({ auditLogging: "detailed" });
  const answered: string[] = [];
  const secrets = [TOKEN, KEY, testEntraJwk.d, testEntraJwk.p];
  for (const [answer, status] of [
    [granted, 200],
    [granted, 401],
    [quoting, 200],
  ] as const) {
    const { credentials, assertions } = credentialsWith(answer);
    // Azure as it must not be: it repeats what it was sent.
    const azure = scriptedAzure(({ headers }) =>
      status === 200 ? completion() : Response.json({ error: { message: [...headers].join() } }, { status }),
    );
    for (const deployment of ["by-entra", "by-vault"]) {
      const response = await call({ ...caller, deployment }, { azure, credentials });
      answered.push(JSON.stringify([...response.headers]), await response.text());
    }
    await backgroundDone();
    secrets.push(...assertions, ...assertions.map((assertion) => assertion.split(".")[2] ?? ""));
  }
  expect(secrets.length).toBeGreaterThan(8);

  const resting = [
    ...(await restingAtPlatform()),
    ...(await Promise.all(homeNames.map(restingInHome))).flat(),
    ...[...(await ledgers()).values()].flat(),
  ].map(({ text }) => text);
  // The look-out works: what may rest is found.
  expect(resting.some((text) => text.includes(identity.clientId))).toBe(true);
  for (const secret of secrets) {
    for (const text of [...resting, ...answered, ...logged]) expect(text).not.toContain(secret);
  }
});
