/**
 * What the attacks share: one gateway, and beside the simulator a raw backend (deployment `raw`) that answers
 * whatever a test wants and remembers the text it was sent.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { afterAll, beforeAll, beforeEach, expect } from "vitest";
import { frankfurt, type GatewayUnderTest, startGatewayUnderTest } from "../gateway-under-test.ts";

export type Json = Record<string, unknown>;

export interface Seen {
  readonly text: string;
  readonly headers: IncomingMessage["headers"];
  readonly path: string;
}

export let gateway: GatewayUnderTest;
let upstream: Server;
export const received: Seen[] = [];

export const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };
export const wholeAnswer = (outgoing: ServerResponse) => {
  outgoing.writeHead(200, { "content-type": "application/json" });
  outgoing.end(JSON.stringify({ id: "x", object: "chat.completion", choices: [], usage }));
};
export const streamed =
  (...parts: readonly string[]) =>
  (outgoing: ServerResponse) => {
    outgoing.writeHead(200, { "content-type": "text/event-stream" });
    for (const part of parts) outgoing.write(part);
    outgoing.end();
  };

/** How the raw backend answers; every test starts with a whole answer. */
export const backend: { answer: (outgoing: ServerResponse, seen: Seen) => void } = { answer: wholeAnswer };

beforeAll(async () => {
  gateway = await startGatewayUnderTest();
  upstream = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => {
      const seen = {
        text: Buffer.concat(chunks).toString("utf8"),
        headers: incoming.headers,
        path: incoming.url ?? "",
      };
      received.push(seen);
      backend.answer(outgoing, seen);
    });
  });
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  const address = upstream.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const made = await gateway.admin("POST", "/v1/deployments", {
    name: "raw",
    model: "gpt-4o",
    maxOutputTokens: 1_000,
    backends: [
      {
        endpoint: `http://127.0.0.1:${port}`,
        azureDeployment: "raw",
        region: "swedencentral",
        sku: "Standard",
        credential: { kind: "api_key", secret: "AZURE_OPENAI_API_KEY" },
      },
    ],
  });
  expect(made.status).toBe(201);
});
afterAll(async () => {
  await gateway.close();
  upstream.closeAllConnections();
  await new Promise((resolve) => upstream.close(resolve));
});
beforeEach(() => {
  gateway.simulator.clear();
  received.length = 0;
  backend.answer = wholeAnswer;
});

export const actions = ["chat", "completion", "embedding", "response"];

export async function tenant(id: string, constraints: Json = {}, more: Json = {}) {
  expect((await gateway.admin("POST", "/v1/tenants", { id, name: id, ...more })).status).toBe(201);
  const policy = await grant(id, constraints);
  const agent = await gateway.agent({ tenantId: id });
  return { ...agent, policyId: String(policy.id) };
}

export async function grant(tenantId: string, constraints: Json, name = "grant"): Promise<Json> {
  const made = await gateway.admin("POST", "/v1/policies", {
    name,
    tenantId,
    effect: "allow",
    actions,
    resources: ["api://azure-openai/models/*"],
    constraints,
  });
  expect(made.status).toBe(201);
  return made.body;
}

export async function post(path: string, token: string, body: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(gateway.url + path, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      authorization: `Bearer ${token}`,
      "MF-CF-Blob": JSON.stringify(frankfurt),
      ...headers,
    },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  const text = await response.text();
  let json: { error?: { code?: string; param?: string } } = {};
  try {
    json = JSON.parse(text);
  } catch {}
  return { status: response.status, text, code: json.error?.code, headers: response.headers };
}

export const responses = (token: string, body: Json) =>
  post("/openai/v1/responses", token, { model: "gpt-4o-mini", ...body });
export const chat = (token: string, body: Json, deployment = "gpt-4o-mini") =>
  post(`/openai/deployments/${deployment}/chat/completions?api-version=2024-10-21`, token, {
    messages: [{ role: "user", content: "Hi" }],
    ...body,
  });
export const enforce = async (capabilityToken: string, more: Json = {}) =>
  gateway.admin("POST", "/v1/enforce", {
    requestId: "r",
    capabilityToken,
    action: "chat",
    resourceId: "api://azure-openai/models/gpt-4o-mini",
    ...more,
  });
