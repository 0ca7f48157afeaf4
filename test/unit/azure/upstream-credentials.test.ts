// From a backend's credential to a header: what is asked of Entra and Key Vault, what is believed of their answers, and what is told.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CredentialAnswer, CredentialRequest } from "../../../src/azure/credential-calls.ts";
import { createUpstreamCredentials } from "../../../src/azure/upstream-credentials.ts";
import { CREDENTIAL_AGAIN_MS, CREDENTIAL_DROP_AGE_MS } from "../../../src/kernel/limits.ts";
import { createManualTimers } from "../gateway/gateway-fixture.ts";
import { backendId, backendOf } from "./azure-fixture.ts";

const identity = {
  tenantId: "11111111-2222-3333-4444-555555555555",
  clientId: "66666666-7777-8888-9999-000000000000",
};
const VAULT = "https://contoso.vault.azure.net/secrets";
const entra = backendOf({ credential: { kind: "entra", ...identity } });
const vault = backendOf({ credential: { kind: "key_vault", secret: `${VAULT}/aoai-key`, entra: identity } });
const vaultEndpoint = backendOf({
  endpoint: `${VAULT}/aoai-endpoint`,
  credential: { kind: "entra", ...identity },
});

type Answers = (request: CredentialRequest) => CredentialAnswer;
const tokenAnswer = (token: string, expiresIn: unknown = 3_599): CredentialAnswer => ({
  status: 200,
  json: { token_type: "Bearer", expires_in: expiresIn, access_token: token },
});

function credentialsWith(answers: Answers, { hasKeys = true } = {}) {
  const timers = createManualTimers();
  const requests: CredentialRequest[] = [];
  const failures: string[] = [];
  const audiences: string[] = [];
  const credentials = createUpstreamCredentials({
    secretOf: (name) => (name === "AZURE_OPENAI_API_KEY" ? "azure-key" : undefined),
    signer: hasKeys
      ? {
          async sign(audience) {
            audiences.push(audience);
            return `assertion-${audiences.length}`;
          },
        }
      : null,
    calls: {
      async ask(request) {
        requests.push(request);
        return answers(request);
      },
    },
    isLocal: false,
    clock: timers.clock,
    startTimer: timers.startTimer,
    background: () => {},
    onFailure: (subject, reason) => failures.push(`${subject}: ${reason}`),
  });
  return { credentials, requests, failures, audiences, timers };
}

describe("a key in a Worker secret", () => {
  it("is the header, and nobody is asked", async () => {
    const { credentials, requests } = credentialsWith(() => tokenAnswer("t"));
    expect(await credentials.credentialOf(backendOf())).toMatchObject({
      value: { header: ["api-key", "azure-key"], endpoint: "https://sweden.openai.azure.com" },
    });
    expect(requests).toEqual([]);
  });

  it("that is not set is named, by its name", async () => {
    const { credentials } = credentialsWith(() => tokenAnswer("t"));
    const backend = backendOf({ credential: { kind: "api_key", secret: "AZURE_OTHER" } });
    expect(await credentials.credentialOf(backend)).toMatchObject({
      error: {
        code: "backend_unavailable",
        evidence: { backend: backendId(1), credential: "api_key", reason: "AZURE_OTHER not set" },
      },
    });
  });
});

describe("an identity of Entra", () => {
  it("exchanges an assertion for a token, once for many calls and backends", async () => {
    const { credentials, requests, audiences } = credentialsWith(() => tokenAnswer("a.b.c"));
    expect(await credentials.credentialOf(entra)).toMatchObject({
      value: { header: ["authorization", "Bearer a.b.c"], endpoint: entra.endpoint },
    });
    await credentials.credentialOf(entra);
    await credentials.credentialOf(
      backendOf({ id: backendId(2), credential: { kind: "entra", ...identity } }),
    );
    expect(requests).toHaveLength(1);
    expect(audiences).toEqual(["api://AzureADTokenExchange"]);
    const { method, url, headers, body } = requests[0] ?? {};
    expect({ method, url, type: headers?.["content-type"] }).toEqual({
      method: "POST",
      url: `https://login.microsoftonline.com/${identity.tenantId}/oauth2/v2.0/token`,
      type: "application/x-www-form-urlencoded",
    });
    expect(Object.fromEntries(new URLSearchParams(body ?? ""))).toEqual({
      scope: "https://cognitiveservices.azure.com/.default",
      client_id: identity.clientId,
      client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
      client_assertion: "assertion-1",
      grant_type: "client_credentials",
    });
  });

  it("has a token of its own for each application and scope", async () => {
    const { credentials, requests } = credentialsWith(() => tokenAnswer("t"));
    await credentials.credentialOf(entra);
    const scope = "https://ai.azure.com/.default";
    await credentials.credentialOf(backendOf({ credential: { kind: "entra", ...identity, scope } }));
    const clientId = identity.tenantId;
    await credentials.credentialOf(backendOf({ credential: { kind: "entra", ...identity, clientId } }));
    expect(requests).toHaveLength(3);
  });

  it("asks for another token before the old one ends, and when it was refused", async () => {
    let made = 0;
    const { credentials, requests, timers } = credentialsWith(() => tokenAnswer(`t${++made}`, 1_000));
    await credentials.credentialOf(entra);
    timers.pass(800_000);
    expect(await credentials.credentialOf(entra)).toMatchObject({
      value: { header: ["authorization", "Bearer t1"] },
    });
    await new Promise((resolve) => setImmediate(resolve));
    const second = await credentials.credentialOf(entra);
    expect(second).toMatchObject({ value: { header: ["authorization", "Bearer t2"] } });
    timers.pass(CREDENTIAL_DROP_AGE_MS);
    if (second.ok) second.value.refused();
    expect(await credentials.credentialOf(entra)).toMatchObject({
      value: { header: ["authorization", "Bearer t3"] },
    });
    expect(requests).toHaveLength(3);
  });

  it("cannot be used without keys to sign with", async () => {
    const { credentials, requests } = credentialsWith(() => tokenAnswer("t"), { hasKeys: false });
    expect(await credentials.credentialOf(entra)).toMatchObject({
      error: { code: "backend_unavailable", evidence: { reason: "ENTRA_KEYS not set" } },
    });
    expect(requests).toEqual([]);
  });

  it("is sent nowhere that a stored document should not have named", async () => {
    const { credentials, requests } = credentialsWith(() => tokenAnswer("t"));
    const backend = backendOf({
      endpoint: "https://attacker.example",
      credential: { kind: "entra", ...identity },
    });
    expect(await credentials.credentialOf(backend)).toMatchObject({
      error: { evidence: { reason: "endpoint not allowed" } },
    });
    expect(requests).toEqual([]);
  });

  const quoting = (code: number) => ({
    error: "invalid_client",
    error_description: `AADSTS${code}: secret-text 'assertion-1'\r\nTrace ID: secret-text`,
    error_codes: [code, 5],
    trace_id: "secret-text",
  });
  it.each<[reason: string, answer: CredentialAnswer]>([
    ["AADSTS700213", { status: 400, json: quoting(700213) }],
    ["AADSTS7000272", { status: 401, json: quoting(7000272) }],
    ["invalid_scope", { status: 400, json: { error: "invalid_scope", error_description: "secret-text" } }],
    ["status 400", { status: 400, json: { error: "secret-text!", error_codes: ["secret-text"] } }],
    ["status 500", { status: 500, json: undefined }],
    ["status 302", { status: 302, json: undefined }],
    ["answer not understood", { status: 200, json: undefined }],
    [
      "answer not understood",
      { status: 200, json: { token_type: "mac", expires_in: 1, access_token: "secret-text" } },
    ],
    ["answer not understood", tokenAnswer("secret-text\r\nx-evil: 1")],
    ["answer not understood", tokenAnswer("secret-text", 0)],
    ["answer not understood", tokenAnswer("secret-text", "soon")],
    ["answer not understood", tokenAnswer("secret-text", 1e9)],
  ])("that gets no token tells %s and nothing of the answer", async (reason, answer) => {
    const { credentials, requests, failures, timers } = credentialsWith(() => answer);
    const refused = await credentials.credentialOf(entra);
    expect(refused).toMatchObject({ error: { code: "backend_unavailable", evidence: { reason } } });
    expect(JSON.stringify([refused, failures])).not.toMatch(/secret-text|assertion-/);
    // A broken credential is asked for again after a while, not by every call.
    expect(await credentials.credentialOf(entra)).toMatchObject({ ok: false });
    expect(requests).toHaveLength(1);
    expect(failures).toEqual([expect.stringMatching(new RegExp(`^https://login.*: ${reason}$`))]);
    timers.pass(CREDENTIAL_AGAIN_MS);
    await credentials.credentialOf(entra);
    expect(requests).toHaveLength(2);
  });

  it("believes the life of a token that is told as text, as it once was", async () => {
    const { credentials } = credentialsWith(() => tokenAnswer("t", "3599"));
    expect(await credentials.credentialOf(entra)).toMatchObject({ ok: true });
  });

  it("takes no answer for more than it is, whatever it is", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 100, max: 599 }), fc.jsonValue(), async (status, json) => {
        const { credentials, failures } = credentialsWith(() => ({ status, json }));
        const result = await credentials.credentialOf(entra);
        expect(result.ok).toBe(false);
        expect(failures[0]).toMatch(/: (?:AADSTS\d+|[a-z_]{1,40}|status \d{3}|answer not understood)$/);
      }),
      { numRuns: 50 },
    );
  });
});

describe("Key Vault", () => {
  const ofVault =
    (secrets: Readonly<Record<string, string>>): Answers =>
    ({ url }) => {
      if (url.includes("/oauth2/")) return tokenAnswer("vault-token");
      const value = secrets[new URL(url).pathname.slice("/secrets/".length)];
      return value === undefined
        ? { status: 404, json: { error: { code: "SecretNotFound", message: "secret-text" } } }
        : { status: 200, json: { value, id: "x", attributes: { enabled: true } } };
    };

  it("gives the key to an identity that may read it, and is asked once", async () => {
    const { credentials, requests } = credentialsWith(ofVault({ "aoai-key": "key-of-vault" }));
    expect(await credentials.credentialOf(vault)).toMatchObject({
      value: { header: ["api-key", "key-of-vault"] },
    });
    await credentials.credentialOf(vault);
    expect(requests).toHaveLength(2);
    expect(new URLSearchParams(requests[0]?.body ?? "").get("scope")).toBe(
      "https://vault.azure.net/.default",
    );
    expect(requests[1]).toMatchObject({
      method: "GET",
      url: `${VAULT}/aoai-key?api-version=2025-07-01`,
      headers: { authorization: "Bearer vault-token" },
      body: null,
    });
  });

  it("is asked again for a key that Azure refused", async () => {
    const secrets = { "aoai-key": "old" };
    const { credentials, timers } = credentialsWith((request) => ofVault(secrets)(request));
    const before = await credentials.credentialOf(vault);
    secrets["aoai-key"] = "new";
    timers.pass(CREDENTIAL_DROP_AGE_MS);
    if (before.ok) before.value.refused();
    expect(await credentials.credentialOf(vault)).toMatchObject({ value: { header: ["api-key", "new"] } });
  });

  it("says where a backend is, as far as that is a host of its cloud", async () => {
    const { credentials } = credentialsWith(ofVault({ "aoai-endpoint": "https://hidden.openai.azure.com/" }));
    expect(await credentials.credentialOf(vaultEndpoint)).toMatchObject({
      value: { endpoint: "https://hidden.openai.azure.com/" },
    });
    for (const endpoint of [
      "https://attacker.example",
      "http://hidden.openai.azure.com",
      "hidden",
      "https://hidden.openai.azure.com/?x=1",
    ]) {
      const elsewhere = credentialsWith(ofVault({ "aoai-endpoint": endpoint }));
      const refused = await elsewhere.credentials.credentialOf(vaultEndpoint);
      expect(refused).toMatchObject({ error: { evidence: { reason: "no endpoint that is allowed" } } });
      expect(JSON.stringify([refused, elsewhere.failures])).not.toContain("attacker");
    }
  });

  it.each<[reason: string, answer: CredentialAnswer]>([
    ["status 403 Forbidden", { status: 403, json: { error: { code: "Forbidden", message: "secret-text" } } }],
    ["status 404 SecretNotFound", { status: 404, json: { error: { code: "SecretNotFound" } } }],
    ["status 403", { status: 403, json: { error: { code: "secret-text" } } }],
    ["answer not understood", { status: 200, json: { value: "secret-text with blanks" } }],
    ["answer not understood", { status: 200, json: { value: "" } }],
  ])("that gives nothing is told as %s, without its words", async (reason, answer) => {
    const { credentials, failures } = credentialsWith(({ url }) =>
      url.includes("/oauth2/") ? tokenAnswer("vault-token") : answer,
    );
    const refused = await credentials.credentialOf(vault);
    expect(refused).toMatchObject({ error: { evidence: { credential: "key_vault", reason } } });
    expect(JSON.stringify([refused, failures])).not.toMatch(/secret-text|vault-token/);
  });

  it("fails as the exchange does", async () => {
    const { credentials } = credentialsWith(() => ({ status: 400, json: { error_codes: [700211] } }));
    expect(await credentials.credentialOf(vault)).toMatchObject({
      error: { evidence: { reason: "AADSTS700211" } },
    });
  });
});
