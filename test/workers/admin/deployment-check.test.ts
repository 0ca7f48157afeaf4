/** The check of a deployment's backends: what is sent, what is told of the answer, and who may ask for it. */
import { describe, expect, it } from "vitest";
import type { AzureRequest } from "../../../src/azure/azure-calls.ts";
import type { UpstreamCredential } from "../../../src/azure/upstream-credentials.ts";
import { BACKEND_CHECK_MAX_MS } from "../../../src/kernel/limits.ts";
import { refuse } from "../../../src/kernel/refusal.ts";
import { fail, ok } from "../../../src/kernel/result.ts";
import { createFixture, databases, minimalDeployment } from "./control-plane-fixture.ts";

const KEY = "azure-key-of-the-check";

/** Of chat, and of embeddings at once. */
const answerOf = () =>
  Response.json({ model: "gpt-4o", choices: [{ message: {} }], data: [{ embedding: [0.5] }] });

interface Given {
  readonly answer?: (request: AzureRequest) => Response | Promise<Response>;
  readonly deployment?: object;
  readonly credential?: Partial<UpstreamCredential> | null;
  readonly isLate?: boolean;
  readonly query?: string;
}

/** What the test that runs has given, and what was asked of it. */
let given: Given = {};
let requests: AzureRequest[] = [];
let refused = 0;
const fixture = await createFixture({
  azure: {
    async send(request) {
      requests.push(request);
      return (given.answer ?? answerOf)(request);
    },
  },
  credentials: {
    credentialOf: async ({ id, endpoint }) =>
      given.credential === null
        ? fail(refuse("backend_unavailable", { evidence: { backend: id, reason: "AADSTS700213" } }))
        : ok({
            header: ["api-key", KEY],
            endpoint,
            refused: () => {
              refused += 1;
            },
            ...given.credential,
          }),
  },
  startTimer: (ms, fire) => {
    if (given.isLate && ms === BACKEND_CHECK_MAX_MS) queueMicrotask(fire);
    return () => {};
  },
});

async function check(gives: Given = {}) {
  given = gives;
  requests = [];
  refused = 0;
  const name = `c${crypto.randomUUID()}`;
  const made = await fixture.call("POST", "/deployments", {
    body: { ...minimalDeployment(name), ...given.deployment },
  });
  expect(made.status).toBe(201);
  const reply = await fixture.call("POST", `/deployments/${name}/check${gives.query ?? ""}`);
  return { name, reply, requests, refused };
}

it("calls each backend once, with one word, and tells what answered and where it processes", async () => {
  const [backend] = minimalDeployment("x").backends;
  const backends = [
    backend,
    { ...backend, endpoint: "https://zone.openai.azure.com", sku: "DataZoneStandard" },
  ];
  const { name, reply, requests } = await check({ deployment: { backends } });
  const found = {
    azureDeployment: "gpt-4",
    region: "swedencentral",
    credential: "api_key",
    operation: "chat/completions",
    outcome: "answered",
    status: 200,
    reason: null,
    model: "gpt-4o",
    durationMs: expect.any(Number),
    backend: expect.stringMatching(/^backend_/),
  };
  expect(reply).toMatchObject({ status: 200, body: { deployment: name } });
  expect(reply.body.backends).toEqual([
    { ...found, sku: "Standard", processing: "region" },
    { ...found, sku: "DataZoneStandard", processing: "zone" },
  ]);
  expect(requests.map(({ url }) => url)).toEqual([
    "https://contoso.openai.azure.com/openai/v1/chat/completions",
    "https://zone.openai.azure.com/openai/v1/chat/completions",
  ]);
  expect(requests[0]?.headers.get("api-key")).toBe(KEY);
  expect(JSON.parse(String(requests[0]?.body))).toEqual({
    model: "gpt-4",
    messages: [{ role: "user", content: "ping" }],
    max_tokens: 1,
  });
});

it("asks a model without output for an embedding, and one that reasons for a little more", async () => {
  const silent = await check({ deployment: { maxOutputTokens: 0 } });
  expect(silent.requests[0]?.url).toMatch(/\/openai\/v1\/embeddings$/);
  expect(JSON.parse(String(silent.requests[0]?.body))).toEqual({ model: "gpt-4", input: "ping" });
  const reasoning = await check({ deployment: { outputParameter: "max_completion_tokens" } });
  expect(JSON.parse(String(reasoning.requests[0]?.body))).toMatchObject({ max_completion_tokens: 16 });
});

it("goes where Key Vault says that the backend is", async () => {
  const { requests } = await check({ credential: { endpoint: "https://hidden.openai.azure.com" } });
  expect(requests[0]?.url).toMatch(/^https:\/\/hidden\.openai\.azure\.com\//);
});

describe("what did not answer", () => {
  const azureError = (status: number, code: string) => () =>
    Response.json({ error: { code, message: `secret sentence ${KEY}` } }, { status });

  it.each<[what: string, given: Given, found: object]>([
    [
      "a credential that cannot be had",
      { credential: null },
      { outcome: "no_credential", status: null, reason: "AADSTS700213" },
    ],
    [
      "one that is not taken",
      { answer: azureError(401, "PermissionDenied") },
      { outcome: "refused", status: 401, reason: "PermissionDenied" },
    ],
    [
      "a deployment that is not there",
      { answer: azureError(404, "DeploymentNotFound") },
      { outcome: "failed", status: 404, reason: "DeploymentNotFound" },
    ],
    [
      "a code that is none",
      { answer: azureError(400, KEY) },
      { outcome: "failed", status: 400, reason: null },
    ],
    [
      "an answer that is none",
      { answer: () => new Response("<html>") },
      { outcome: "failed", status: 200, reason: "answer not understood" },
    ],
    [
      "a redirect",
      { answer: () => new Response(null, { status: 302 }) },
      { outcome: "failed", status: 302, reason: null },
    ],
    [
      "a host that is not there",
      { answer: () => Promise.reject(new Error(`connect host ${KEY}`)) },
      { outcome: "unreachable", status: null, reason: "not reachable" },
    ],
    [
      "silence",
      {
        isLate: true,
        answer: ({ signal }) =>
          new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("aborted")))),
      },
      { outcome: "unreachable", status: null, reason: "no answer in time" },
    ],
  ])("is told as that, without a sentence of Azure's: %s", async (_what, given, found) => {
    const { reply, refused } = await check(given);
    expect(reply.status).toBe(200);
    expect(reply.body.backends).toMatchObject([{ ...found, model: null }]);
    expect(JSON.stringify(reply.body)).not.toMatch(new RegExp(`${KEY}|secret`));
    expect(refused).toBe("outcome" in found && found.outcome === "refused" ? 1 : 0);
  });
});

describe("a picture", () => {
  const unsupported = () => Response.json({ error: { code: "OperationNotSupported" } }, { status: 400 });
  const deployment = { model: "gpt-image-1", maxOutputTokens: 0, actions: ["image"] };

  it("is made for who asks for it, and no other", async () => {
    for (const query of ["", "?images=false"]) {
      const { reply, requests } = await check({ deployment, answer: unsupported, query });
      expect(reply.body.backends).toMatchObject([
        {
          operation: "images/generations",
          outcome: "not_called",
          reason: expect.stringContaining("--images"),
        },
      ]);
      expect(requests.map(({ url }) => new URL(url).pathname)).toEqual(["/openai/v1/embeddings"]);
    }
    const answer = () => Response.json({ data: [{ b64_json: "aGk=" }] });
    const { reply, requests } = await check({ deployment, answer, query: "?images=true" });
    expect(reply.body.backends).toMatchObject([{ operation: "images/generations", outcome: "answered" }]);
    expect(requests.map(({ url }) => new URL(url).pathname)).toEqual(["/openai/v1/images/generations"]);
  });

  it("is not asked for by anything else", async () => {
    const { reply, requests } = await check({ deployment, query: "?images=yes" });
    expect(reply).toMatchObject({ status: 400, body: { code: "query_invalid", field: "images" } });
    expect(requests).toEqual([]);
  });
});

it("is recorded before it is made, as the platform's", async () => {
  const { name } = await check({ credential: null });
  const { results } = await databases.platform
    .prepare("SELECT record FROM outbox WHERE source = 'control/platform'")
    .all();
  const records = results.map(({ record }) => JSON.parse(String(record)));
  expect(records.filter(({ objectId }) => objectId === name).map(({ operation }) => operation)).toEqual([
    "deployment.create",
    "deployment.check",
  ]);
});

it("is the platform's to ask for, of a deployment that exists", async () => {
  const { name } = await check();
  const tenant = await fixture.makeTenant();
  const path = `/deployments/${name}/check`;
  expect(await fixture.call("POST", path, { key: await fixture.makeKey(tenant) })).toMatchObject({
    status: 403,
  });
  expect(
    await fixture.call("POST", path, { key: await fixture.makeKey(null, ["deployments:read"]) }),
  ).toMatchObject({
    status: 403,
  });
  expect(await fixture.call("POST", "/deployments/nowhere/check")).toMatchObject({ status: 404 });
  expect(requests).toHaveLength(1);
});
