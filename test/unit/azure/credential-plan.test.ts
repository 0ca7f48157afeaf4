// What a backend may name: credentials of Azure go to hosts of Azure, whoever writes the deployment.
import { describe, expect, it } from "vitest";
import { BackendInput } from "../../../src/azure/backend.ts";
import { credentialPlanOf } from "../../../src/azure/credential-plan.ts";

const identity = {
  tenantId: "11111111-2222-3333-4444-555555555555",
  clientId: "66666666-7777-8888-9999-000000000000",
};
const entra = { kind: "entra", ...identity };
const vault = {
  kind: "key_vault",
  secret: "https://contoso.vault.azure.net/secrets/aoai-key",
  entra: identity,
};
const inChina = { authority: "https://login.partner.microsoftonline.cn" };
const atHome = { authority: "http://127.0.0.1:9100" };
const CONTOSO = "https://contoso.openai.azure.com";

const planOf = (endpoint: string, credential: object, isLocal = false) =>
  credentialPlanOf(
    BackendInput.parse({
      endpoint,
      azureDeployment: "gpt",
      region: "swedencentral",
      sku: "Standard",
      credential,
    }),
    isLocal,
  );

describe("an identity of Entra", () => {
  it("is asked for a token for models, of the public cloud unless said otherwise", () => {
    expect(planOf(CONTOSO, entra)).toMatchObject({
      value: {
        key: {
          kind: "entra",
          scope: "https://cognitiveservices.azure.com/.default",
          identity: { authority: "https://login.microsoftonline.com" },
          cloud: { audience: "api://AzureADTokenExchange" },
        },
        endpoint: { kind: "registered", endpoint: CONTOSO },
      },
    });
    expect(planOf("https://contoso.openai.azure.cn", { ...entra, ...inChina })).toMatchObject({
      value: { key: { scope: "https://cognitiveservices.azure.cn/.default" } },
    });
    expect(planOf(CONTOSO, { ...entra, scope: "https://ai.azure.com/.default" })).toMatchObject({
      value: { key: { scope: "https://ai.azure.com/.default" } },
    });
  });

  it.each<[field: string, endpoint: string, credential: object, isLocal?: boolean]>([
    ["endpoint", "https://attacker.example", entra],
    ["endpoint", "https://contoso.openai.azure.com.attacker.example", entra],
    ["endpoint", "https://openai.azure.com", entra],
    ["endpoint", "https://a.b.openai.azure.com", entra],
    ["endpoint", "https://contoso.openai.azure.com:8443", entra],
    ["endpoint", "https://contoso.openai.azure.cn", entra],
    ["endpoint", "http://127.0.0.1:9100", entra],
    [
      "endpoint",
      "https://attacker.vault.azure.net/secrets/endpoint",
      { kind: "api_key", secret: "AZURE_KEY" },
    ],
    ["endpoint", "https://contoso.vault.azure.cn/secrets/endpoint", entra],
    ["endpoint", "https://attacker.example", vault],
    ["endpoint", "https://attacker.example/secrets/endpoint", entra, true],
    ["credential.authority", CONTOSO, { ...entra, authority: "https://attacker.example" }],
    ["credential.authority", CONTOSO, { ...entra, authority: "http://login.microsoftonline.com" }],
    ["credential.authority", CONTOSO, { ...entra, authority: "https://login.microsoftonline.com/common" }],
    ["credential.authority", CONTOSO, { ...entra, authority: "https://user@login.microsoftonline.com" }],
    ["credential.authority", CONTOSO, { ...entra, ...atHome }],
    ["credential.scope", CONTOSO, { ...entra, scope: "https://cognitiveservices.azure.cn/.default" }],
    ["credential.secret", CONTOSO, { ...vault, secret: "https://attacker.example/secrets/key" }],
    ["credential.secret", CONTOSO, { ...vault, secret: "https://contoso.vault.azure.cn/secrets/key" }],
    ["credential.secret", CONTOSO, { ...vault, secret: "https://contoso.vault.azure.net/keys/key" }],
    ["credential.secret", CONTOSO, { ...vault, secret: "https://contoso.vault.azure.net/secrets/key?x=1" }],
    ["credential.secret", CONTOSO, { ...vault, secret: "https://contoso.vault.azure.net/secrets/../keys/k" }],
    ["credential.entra.authority", CONTOSO, { ...vault, entra: { ...identity, ...atHome } }],
  ])("is refused for its %s: %s", (field, endpoint, credential, isLocal) => {
    expect(planOf(endpoint, credential, isLocal)).toMatchObject({ ok: false, error: { field } });
  });

  it("may be the simulator's where the gateway runs locally", () => {
    const local = "http://127.0.0.1:9100";
    const secret = `${local}/secrets/aoai-key`;
    const plan = planOf(
      `${local}/secrets/aoai-endpoint`,
      { ...vault, secret, entra: { ...identity, ...atHome } },
      true,
    );
    expect(plan).toMatchObject({ value: { key: { kind: "key_vault" }, endpoint: { kind: "key_vault" } } });
    expect(planOf(local, { ...entra, ...atHome }, true)).toMatchObject({ ok: true });
  });

  it.each([
    { ...entra, tenantId: "common" },
    { ...entra, clientId: "../../other" },
    { ...entra, scope: "https://graph.microsoft.com/.default" },
    { ...entra, scope: "https://management.azure.com/.default" },
    { ...entra, secret: "AZURE_KEY" },
    { ...vault, entra: { ...identity, scope: "https://ai.azure.com/.default" } },
  ])("is no document at all: %j", (credential) => {
    expect(() => planOf(CONTOSO, credential)).toThrow();
  });
});

it("a key in a Worker secret goes where it went before", () => {
  const credential = { kind: "api_key", secret: "AZURE_KEY" };
  expect(planOf("https://contoso.azure-api.net/aoai", credential)).toEqual({
    ok: true,
    value: {
      key: credential,
      endpoint: { kind: "registered", endpoint: "https://contoso.azure-api.net/aoai" },
    },
  });
});
