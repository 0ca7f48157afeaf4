/** Azure's front door over raw HTTP: routes, API versions, keys, header limits, and the headers of answers. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Simulator, startSimulator } from "../../dev/simulator/start-simulator.ts";

let simulator: Simulator;
beforeAll(async () => {
  simulator = await startSimulator({
    deployments: [
      {
        name: "gpt-4",
        model: "gpt-4",
        modelVersion: "gpt-4-0613",
        operations: ["chat"],
      },
      {
        name: "thinker",
        model: "o3",
        modelVersion: "o3-2025-04-16",
        operations: ["chat", "responses"],
        reasoning: true,
      },
    ],
  });
});
afterEach(() => simulator.clear());
afterAll(() => simulator.close());

const classic = "/openai/deployments/gpt-4/chat/completions";
const messages = [{ role: "user", content: "hello there" }];

function post(path: string, body: unknown = { messages }, headers: Record<string, string> = {}) {
  return fetch(simulator.url + path, {
    method: "POST",
    headers: { "content-type": "application/json", "api-key": simulator.apiKey, ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

const resourceNotFound = '{"error":{"code":"404","message": "Resource not found"}}';
const guid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

describe("paths and API versions", () => {
  it.each([
    ["no API version", classic],
    ["an empty one", `${classic}?api-version=`],
    ["one that is no version", `${classic}?api-version=latest`],
    ["v1's on a dated route", `${classic}?api-version=preview`],
    ["a date after the last release", `${classic}?api-version=2026-01-01`],
    ["a double slash", `/${classic}?api-version=2024-10-21`],
    ["a trailing slash", `${classic}/?api-version=2024-10-21`],
    ["deployments, which only ARM lists", "/openai/v1/deployments"],
    ["no path", "/"],
  ])("404 for %s", async (_, path) => {
    const response = await post(path);
    expect(response.status).toBe(404);
    expect(await response.text()).toBe(resourceNotFound);
  });

  it("404 for a known path with another method", async () => {
    const response = await fetch(`${simulator.url}${classic}?api-version=2024-10-21`);
    expect(await response.text()).toBe(resourceNotFound);
  });

  it.each(["", "?api-version=v1", "?api-version=preview"])("v1 takes %j", async (query) => {
    const response = await post(`/openai/v1/chat/completions${query}`, { model: "gpt-4", messages });
    expect(response.status).toBe(200);
  });

  it("v1 refuses a dated version", async () => {
    const response = await post("/openai/v1/chat/completions?api-version=2024-10-21", {
      model: "gpt-4",
      messages,
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({
      error: { code: "BadRequest", message: "API version not supported" },
    });
  });

  it("names the operation the model does not have", async () => {
    const response = await post("/openai/v1/responses", { model: "gpt-4", input: "hello" });
    expect(response.status).toBe(400);
    expect(await response.json()).toHaveProperty("error.code", "OperationNotSupported");
  });
});

describe("keys", () => {
  it.each([
    ["a wrong key", { "api-key": "wrong" }],
    ["no key", { "api-key": "" }],
    ["a wrong bearer", { "api-key": "", authorization: "Bearer wrong" }],
    ["another scheme", { "api-key": "", authorization: "Basic simulator-key" }],
  ])("401 for %s, in 224 bytes and with bare headers", async (_, headers) => {
    const response = await post(`${classic}?api-version=2024-10-21`, undefined, headers);
    expect([response.status, response.statusText]).toEqual([401, "PermissionDenied"]);
    expect(response.headers.get("content-length")).toBe("224");
    expect(response.headers.get("apim-request-id")).toMatch(guid);
    expect(response.headers.has("x-request-id")).toBe(false);
  });

  it("takes the key as bearer on a classic route too", async () => {
    const headers = { "api-key": "", authorization: `Bearer ${simulator.apiKey}` };
    const response = await post(`${classic}?api-version=2024-10-21`, undefined, headers);
    expect(response.status).toBe(200);
  });
});

describe("headers", () => {
  const custom = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`x-custom-${index}`, "1"]));

  it("takes 10 custom request headers and refuses 11", async () => {
    const path = `${classic}?api-version=2024-10-21`;
    expect((await post(path, undefined, custom(10))).status).toBe(200);
    expect((await post(path, undefined, custom(11))).status).toBe(431);
  });

  it("answers with Azure's headers, new ids each time, and the resource's region by display name", async () => {
    const [one, two] = await Promise.all([1, 2].map(() => post(`${classic}?api-version=2024-10-21`)));
    expect(one?.headers.get("x-ms-region")).toBe("Sweden Central");
    expect(one?.headers.get("x-ms-deployment-name")).toBe("gpt-4");
    expect(one?.headers.get("x-aml-cluster")).toBe("hyena-japaneast-02");
    for (const name of ["apim-request-id", "x-request-id"]) {
      expect(one?.headers.get(name)).toMatch(guid);
      expect(one?.headers.get(name)).not.toBe(two?.headers.get(name));
    }
    expect(one?.headers.get("x-ms-client-request-id")).toBe(one?.headers.get("apim-request-id"));
  });

  it("counts no limits on Responses, and adds whatever it is told to", async () => {
    const headers = { "x-ms-spillover-from-gpt-4": "true", "azure-openai-deployment-utilization": "71%" };
    simulator.next({ kind: "headers", headers });
    const response = await post("/openai/v1/responses", { model: "thinker", input: "hello" });
    expect(Object.fromEntries(response.headers)).toMatchObject({
      ...headers,
      "x-ratelimit-limit-tokens": "-1",
      "x-ratelimit-remaining-tokens": "-1",
      "x-ratelimit-reset-tokens": "0",
    });
    expect(response.headers.has("x-ratelimit-limit-requests")).toBe(false);
  });

  it("echoes the caller's x-ms-client-request-id", async () => {
    const headers = { "x-ms-client-request-id": "11111111-2222-3333-4444-555555555555" };
    const response = await post(`${classic}?api-version=2024-10-21`, undefined, headers);
    expect(response.headers.get("x-ms-client-request-id")).toBe(headers["x-ms-client-request-id"]);
  });
});

describe("bodies", () => {
  it.each([
    ["text that is not JSON", "{", null],
    ["an array", "[]", null],
    ["no messages", "{}", "messages"],
    ["a bound of zero", JSON.stringify({ messages, max_tokens: 0 }), "max_tokens"],
    ["stream_options without stream", JSON.stringify({ messages, stream_options: {} }), "stream_options"],
  ])("400 in the model's shape for %s", async (_, body, param) => {
    const response = await post(`${classic}?api-version=2024-10-21`, body);
    expect(response.status).toBe(400);
    expect(response.headers.get("ms-azureml-model-error-statuscode")).toBe("400");
    expect(await response.json()).toMatchObject({ error: { type: "invalid_request_error", param } });
  });

  it("400 for max_tokens on a reasoning deployment only", async () => {
    const body = { messages, max_tokens: 5 };
    const refused = await post("/openai/deployments/thinker/chat/completions?api-version=2024-10-21", body);
    expect(refused.status).toBe(400);
    expect(await refused.json()).toEqual({
      error: {
        message:
          "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        type: "invalid_request_error",
        param: "max_tokens",
        code: "unsupported_parameter",
      },
    });
    expect((await post(`${classic}?api-version=2024-10-21`, body)).status).toBe(200);
  });

  it("refuses stream_options on versions from before it", async () => {
    const body = { messages, stream: true, stream_options: { include_usage: true } };
    expect((await post(`${classic}?api-version=2024-02-01`, body)).status).toBe(400);
    expect((await post(`${classic}?api-version=2024-09-01-preview`, body)).status).toBe(200);
  });

  it("spends hidden tokens inside the bound on a reasoning deployment", async () => {
    const body = { model: "thinker", messages, max_completion_tokens: 64 };
    const answer = await (await post("/openai/v1/chat/completions", body)).json();
    expect(answer).toMatchObject({
      choices: [{ finish_reason: "length", message: { content: "" } }],
      usage: { completion_tokens: 64, completion_tokens_details: { reasoning_tokens: 64 } },
    });
  });
});

describe("429", () => {
  it("speaks the old sentence with Azure's longest wait", async () => {
    simulator.next({ kind: "rate-limited", wording: "old", limit: "calls", retryAfterSeconds: 86_400 });
    const response = await post(`${classic}?api-version=2024-10-21`);
    expect(response.status).toBe(429);
    expect(response.headers.get("retry-after")).toBe("86400");
    expect(response.headers.get("retry-after-ms")).toBe("86400000");
    expect(await response.json()).toHaveProperty(
      "error.message",
      expect.stringMatching(
        /^Requests to the ChatCompletions_Create Operation under Azure OpenAI API version 2024-10-21 have exceeded call rate limit .* retry after 86400 seconds\. Please contact Azure support/,
      ),
    );
  });

  it("can leave both headers out", async () => {
    simulator.next({ kind: "rate-limited", retryAfterSeconds: null });
    const { headers } = await post(`${classic}?api-version=2024-10-21`);
    expect([headers.has("retry-after"), headers.has("retry-after-ms")]).toEqual([false, false]);
  });
});
