// `portcullis azure import`: what is proposed of what ARM says, what is remarked on, and where the token goes.
import { describe, expect, it } from "vitest";
import { DeploymentInput } from "../../../src/azure/deployment.ts";
import { azureImport } from "../../../src/cli/azure-import.ts";
import { typed } from "./command-fixture.ts";

const ID = "/subscriptions/s-1/resourceGroups/models/providers/Microsoft.CognitiveServices/accounts/contoso";
const TOKEN = "eyJ.access-token.signature";
const identity = [
  "--tenant-id",
  "11111111-2222-3333-4444-555555555555",
  "--client-id",
  "66666666-7777-8888-9999-000000000000",
];
const account = {
  location: "Sweden Central",
  properties: { endpoint: "https://contoso.openai.azure.com/", customSubDomainName: "contoso" },
};
const deployed = (name: string, model: object, sku: string | null, capabilities: object = {}) => ({
  name,
  ...(sku === null ? {} : { sku: { name: sku, capacity: 1 } }),
  properties: { model: { format: "OpenAI", ...model }, capabilities },
});

type Answers = Readonly<Record<string, unknown>>;

async function run(args: readonly string[], answers: Answers = {}, token: string | undefined = TOKEN) {
  const requests: { url: string; authorization: string | null; redirect: string | undefined }[] = [];
  const printed = await typed([azureImport], ["azure", "import", ...args], {
    environment: { AZURE_ACCESS_TOKEN: token },
    async fetch(url, init) {
      const authorization = new Headers(init?.headers).get("authorization");
      requests.push({ url: String(url), authorization, redirect: init?.redirect });
      const path = String(url).replace(/^https:\/\/management\.azure\.com/, "");
      const answer = { [`${ID}?api-version=2025-06-01`]: account, ...answers }[path];
      return answer instanceof Response
        ? answer
        : Response.json(answer ?? {}, { status: answer ? 200 : 404 });
    },
  });
  return {
    ...printed,
    requests,
    proposed: printed.out.length > 0 ? JSON.parse(printed.out.join("\n")) : null,
  };
}
const LIST = `${ID}/deployments?api-version=2025-06-01`;

describe("what is proposed", () => {
  it("has model, sku and region of ARM's, and is a body that the gateway takes", async () => {
    const more = "https://management.azure.com/page-2";
    const { code, proposed, requests, err } = await run(["--account", ID, ...identity], {
      [LIST]: {
        value: [
          deployed("chat", { name: "gpt-4o", version: "2024-08-06" }, "DataZoneStandard", {
            maxOutputToken: "16384",
          }),
        ],
        nextLink: more,
      },
      "/page-2": {
        value: [
          deployed("think", { name: "gpt-5-mini" }, "GlobalStandard"),
          deployed("embed", { name: "text-embedding-3-small" }, "Standard"),
        ],
      },
    });
    expect(code).toBe(0);
    const backend = {
      endpoint: "https://contoso.openai.azure.com",
      region: "swedencentral",
      credential: { kind: "entra", tenantId: identity[1], clientId: identity[3] },
    };
    expect(proposed).toEqual([
      {
        name: "chat",
        model: "gpt-4o",
        maxOutputTokens: 16_384,
        outputParameter: "max_tokens",
        backends: [{ ...backend, azureDeployment: "chat", sku: "DataZoneStandard" }],
      },
      {
        name: "think",
        model: "gpt-5-mini",
        maxOutputTokens: 4_096,
        outputParameter: "max_completion_tokens",
        backends: [{ ...backend, azureDeployment: "think", sku: "GlobalStandard" }],
      },
      {
        name: "embed",
        model: "text-embedding-3-small",
        maxOutputTokens: 0,
        actions: ["embedding"],
        outputParameter: "max_tokens",
        backends: [{ ...backend, azureDeployment: "embed", sku: "Standard" }],
      },
    ]);
    for (const body of proposed) expect(DeploymentInput.safeParse(body).success).toBe(true);
    expect(err).toEqual(["think: maxOutputTokens 4096 is a guess; ARM does not tell it."]);
    expect(requests.map(({ url }) => url)).toEqual([
      `https://management.azure.com${ID}?api-version=2025-06-01`,
      `https://management.azure.com${LIST}`,
      more,
    ]);
    for (const { authorization, redirect } of requests) {
      expect({ authorization, redirect }).toEqual({ authorization: `Bearer ${TOKEN}`, redirect: "manual" });
    }
  });

  it("leaves out what it cannot place, and says so", async () => {
    const { code, proposed, err } = await run(["--account", ID], {
      [LIST]: {
        value: [
          deployed("new", { name: "gpt-4o" }, "PlanetStandard"),
          deployed("old", { name: "gpt-4o" }, null),
          deployed("other", { name: "claude", format: "Anthropic" }, "GlobalStandard"),
          deployed("dots..", { name: "gpt-4o" }, "Standard"),
        ],
      },
    });
    expect(code).toBe(1);
    expect(proposed).toEqual([]);
    expect(err).toEqual([
      "new is left out: the sku PlanetStandard is not known, so where it processes is not known.",
      "old is left out: it has no sku, so where it processes is not known.",
      "other is left out: it is no model of OpenAI's.",
      "dots.. is left out: the gateway would not take name.",
      "There is nothing to propose.",
    ]);
  });

  it("is opened with a Worker secret where no identity is named", async () => {
    const list = { [LIST]: { value: [deployed("chat", { name: "gpt-4o" }, "Standard")] } };
    const credentialOf = async (...args: string[]) =>
      (await run(["--account", ID, ...args], list)).proposed[0].backends[0].credential;
    expect(await credentialOf()).toEqual({ kind: "api_key", secret: "AZURE_OPENAI_API_KEY" });
    expect(await credentialOf("--secret", "AZURE_SWEDEN")).toEqual({
      kind: "api_key",
      secret: "AZURE_SWEDEN",
    });
  });

  it("has the host of the resource's own subdomain where ARM names its region's", async () => {
    const { proposed } = await run(["--account", ID], {
      [`${ID}?api-version=2025-06-01`]: {
        location: "swedencentral",
        properties: {
          endpoint: "https://swedencentral.api.cognitive.microsoft.com/",
          customSubDomainName: "contoso",
        },
      },
      [LIST]: { value: [deployed("chat", { name: "gpt-4o" }, "Standard")] },
    });
    expect(proposed[0].backends[0].endpoint).toBe("https://contoso.openai.azure.com");
  });
});

it("the access token may be given as the JSON that az prints unless told otherwise", async () => {
  const json = JSON.stringify({ accessToken: TOKEN, expiresOn: "2026-11-29" });
  const { requests } = await run(["--account", ID], {}, json);
  expect(requests[0]?.authorization).toBe(`Bearer ${TOKEN}`);
});

describe("nothing is judged", () => {
  it.each<[what: string, args: readonly string[], token?: string]>([
    ["no account", []],
    ["an account that is no id", ["--account", "contoso"]],
    ["an id that leads elsewhere", ["--account", `${ID}/../../x`]],
    ["half an identity", ["--account", ID, ...identity.slice(0, 2)]],
    ["two credentials", ["--account", ID, ...identity, "--secret", "AZURE_X"]],
    ["an ARM of nobody's", ["--account", ID, "--arm", "https://attacker.example"]],
    ["an ARM with a path", ["--account", ID, "--arm", "https://management.azure.com/x"]],
    ["no token", ["--account", ID], ""],
    ["a token that is none", ["--account", ID], "two words"],
    ["a token that is typed", ["--account", ID, TOKEN]],
  ])("of %s, and the token goes nowhere", async (_what, args, token) => {
    const { code, requests, err, out } = await run(args, {}, token);
    expect({ code, requests, out }).toEqual({ code: 2, requests: [], out: [] });
    expect(err.join()).toContain("Usage: portcullis azure import");
    expect(err.join()).not.toContain(TOKEN);
  });

  it.each<[sentence: RegExp, answers: Answers]>([
    [/404: there is no such resource/, {}],
    [/401: the access token is not taken/, { [LIST]: new Response("{}", { status: 401 }) }],
    [/none that is understood/, { [LIST]: { items: [] } }],
    [/without name or model/, { [LIST]: { value: [{ name: "x" }] } }],
    [/another host/, { [LIST]: { value: [], nextLink: "https://attacker.example/page-2" } }],
    [/does not end/, { [LIST]: { value: [], nextLink: `https://management.azure.com${LIST}` } }],
  ])("where ARM gives no list: %s", async (sentence, answers) => {
    const { code, err, out, requests } = await run(["--account", ID], answers);
    expect({ code, out }).toEqual({ code: 2, out: [] });
    expect(err.join()).toMatch(sentence);
    expect(requests.every(({ url }) => url.startsWith("https://management.azure.com/"))).toBe(true);
  });
});
