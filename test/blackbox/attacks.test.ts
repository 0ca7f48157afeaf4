/**
 * Attacks a hostile or careless caller can make with nothing but a token and a key, against the guarantees of
 * DESIGN section 3. Every test names what must hold.
 */
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { frankfurt, type GatewayUnderTest, startGatewayUnderTest } from "./gateway-under-test.ts";

type Json = Record<string, unknown>;

interface Seen {
  readonly text: string;
  readonly headers: IncomingMessage["headers"];
  readonly path: string;
}

let gateway: GatewayUnderTest;
/** A backend that answers whatever a test wants, and remembers the raw text it was sent. */
let upstream: Server;
let answer: (outgoing: ServerResponse, seen: Seen) => void;
const received: Seen[] = [];

const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };
const wholeAnswer = (outgoing: ServerResponse) => {
  outgoing.writeHead(200, { "content-type": "application/json" });
  outgoing.end(JSON.stringify({ id: "x", object: "chat.completion", choices: [], usage }));
};
const streamed =
  (...parts: readonly string[]) =>
  (outgoing: ServerResponse) => {
    outgoing.writeHead(200, { "content-type": "text/event-stream" });
    for (const part of parts) outgoing.write(part);
    outgoing.end();
  };

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
      answer(outgoing, seen);
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
  answer = wholeAnswer;
});

const actions = ["chat", "completion", "embedding", "response"];

async function tenant(id: string, constraints: Json = {}, more: Json = {}) {
  expect((await gateway.admin("POST", "/v1/tenants", { id, name: id, ...more })).status).toBe(201);
  const policy = await grant(id, constraints);
  const agent = await gateway.agent({ tenantId: id });
  return { ...agent, policyId: String(policy.id) };
}

async function grant(tenantId: string, constraints: Json, name = "grant"): Promise<Json> {
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

async function post(path: string, token: string, body: unknown, headers: Record<string, string> = {}) {
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

const responses = (token: string, body: Json) =>
  post("/openai/v1/responses", token, { model: "gpt-4o-mini", ...body });
const chat = (token: string, body: Json, deployment = "gpt-4o-mini") =>
  post(`/openai/deployments/${deployment}/chat/completions?api-version=2024-10-21`, token, {
    messages: [{ role: "user", content: "Hi" }],
    ...body,
  });
const enforce = async (capabilityToken: string, more: Json = {}) =>
  gateway.admin("POST", "/v1/enforce", {
    requestId: "r",
    capabilityToken,
    action: "chat",
    resourceId: "api://azure-openai/models/gpt-4o-mini",
    ...more,
  });

describe("objects stored at Azure (G7) and prompts that draw in more than the body holds (G1)", () => {
  let limited: { token: string };
  let unlimited: { token: string };
  beforeAll(async () => {
    limited = await tenant("stored-limited", { maxTokensPerDay: 100_000 });
    unlimited = await tenant("stored-unlimited");
  });

  const references: readonly (readonly [string, Json])[] = [
    ["an item reference by its optional type", { input: [{ type: "item_reference", id: "msg_1" }] }],
    ["an item reference without a type", { input: [{ id: "msg_of_another_tenant" }] }],
    ["an item reference with a null type", { input: [{ type: null, id: "msg_of_another_tenant" }] }],
    ["a reasoning item by its id alone", { input: [{ type: "reasoning", id: "rs_1", summary: [] }] }],
    [
      "a container of a past call",
      {
        input: [
          { type: "code_interpreter_call", id: "ci_1", container_id: "cntr_1", code: "", outputs: null },
        ],
      },
    ],
  ];
  for (const [name, body] of references) {
    it(`${name} reaches no model, with a limit`, async () => {
      const { status } = await responses(limited.token, body);
      expect(status).toBe(400);
      expect(gateway.simulator.requests).toHaveLength(0);
    });
    it(`${name} reaches no model, without a limit`, async () => {
      const { status, code } = await responses(unlimited.token, body);
      expect({ status, code }).toEqual({ status: 400, code: "stored_object_refused" });
      expect(gateway.simulator.requests).toHaveLength(0);
    });
  }

  it("instructions that carry an image by URL are not counted as text", async () => {
    const instructions = [
      { role: "user", content: [{ type: "input_image", image_url: "https://example.org/a.png" }] },
    ];
    const { status } = await responses(limited.token, { input: "hi", instructions });
    expect(status).toBe(400);
    expect(gateway.simulator.requests).toHaveLength(0);
  });

  it("a content part without a type cannot smuggle an image", async () => {
    const messages = [{ role: "user", content: [{ image_url: { url: "https://example.org/a.png" } }] }];
    const { status } = await chat(limited.token, { messages });
    expect(status).toBe(400);
    expect(gateway.simulator.requests).toHaveLength(0);
  });

  it("data_sources cannot use the Azure resource's own identity or another of its deployments", async () => {
    const data_sources = [
      {
        type: "azure_search",
        parameters: {
          endpoint: "https://another-tenants-index.search.windows.net",
          index_name: "secrets",
          authentication: { type: "system_assigned_managed_identity" },
          embedding_dependency: { type: "deployment_name", deployment_name: "not-granted" },
        },
      },
    ];
    const { status } = await chat(unlimited.token, { data_sources });
    expect(status).toBe(400);
    expect(gateway.simulator.requests).toHaveLength(0);
  });
});

describe("body tricks never exceed what was reserved (G1)", () => {
  let token: string;
  beforeAll(async () => {
    ({ token } = await tenant("tricks", { maxTokensPerRequest: 1_000 }));
  });
  const bodyAtAzure = () => JSON.parse(received[0]?.text ?? "{}") as Json;

  for (const [name, body] of [
    ["both bounds, one huge", { max_tokens: 5, max_completion_tokens: 1_000_000 }],
    ["bounds swapped", { max_tokens: 1_000_000, max_completion_tokens: 5 }],
    ["null bounds", { max_tokens: null, max_completion_tokens: null }],
    ["n", { n: 4, max_tokens: 1_000_000 }],
    ["best_of on chat", { best_of: 8, max_tokens: 1_000_000 }],
    ["max_output_tokens on chat", { max_output_tokens: 1_000_000 }],
    ["own __proto__", { ["__proto__"]: { max_tokens: 1 }, max_tokens: 1_000_000 }],
  ] as const) {
    it(name, async () => {
      const { status } = await chat(token, body, "raw");
      if (status !== 200) {
        expect(status).toBe(400);
        expect(received).toHaveLength(0);
        return;
      }
      const sent = bodyAtAzure();
      const bounds = [sent.max_tokens, sent.max_completion_tokens].filter((value) => value != null);
      expect(bounds.length).toBeGreaterThan(0);
      const choices = Math.max(Number(sent.n ?? 1), Number(sent.best_of ?? 1));
      expect(Math.max(...bounds.map(Number)) * choices).toBeLessThan(1_000);
    });
  }

  for (const member of ['"n":1.5', '"n":"2"', '"max_tokens":"9"', '"max_tokens":1e400', '"stream":"true"'])
    it(`refuses ${member}`, async () => {
      const path = "/openai/deployments/raw/chat/completions?api-version=2024-10-21";
      expect((await post(path, token, `{"messages":[],${member}}`)).status).toBe(400);
      expect(received).toHaveLength(0);
    });

  it("a prompt list multiplies", async () => {
    const path = "/openai/deployments/raw/completions?api-version=2024-10-21";
    await post(path, token, { prompt: ["a", [1, 2], "c", 4], n: 2, max_tokens: 1_000 });
    expect(Number(bodyAtAzure().max_tokens) * 8).toBeLessThan(1_000);
  });
});

describe("/v1/enforce replays (G1)", () => {
  const narrow = { type: "model_invocation", actions: ["chat"], locations: ["*"] };

  it("a replay under a wider token grants no more than the first one was charged", async () => {
    const { id } = await tenant("replay-token", { maxTokensPerDay: 100_000 });
    const small = await gateway.tokenFor(id, {
      authorizationDetails: [{ ...narrow, constraints: { maxTokensPerRequest: 10 } }],
    });
    const large = await gateway.tokenFor(id, {
      authorizationDetails: [{ ...narrow, constraints: { maxTokensPerRequest: 90_000 } }],
    });
    const first = await enforce(small, { requestId: "same" });
    expect(first.body).toMatchObject({ decision: "allowed", obligations: { reservedTokens: 10 } });
    const second = await enforce(large, { requestId: "same" });
    if (second.body.decision === "allowed")
      expect(second.body.obligations).toMatchObject({ reservedTokens: 10 });
  });

  it("a replay under a token with its own request quota is not allowed past that quota", async () => {
    const { id, token } = await tenant("replay-quota");
    const once = await gateway.tokenFor(id, {
      authorizationDetails: [{ ...narrow, constraints: { maxRequestsPerDay: 1 } }],
    });
    for (const requestId of ["a", "b", "c"]) await enforce(token, { requestId });
    const answers = [];
    for (const requestId of ["a", "b", "c"]) answers.push((await enforce(once, { requestId })).body.decision);
    expect(answers.filter((decision) => decision === "allowed").length).toBeLessThanOrEqual(1);
  });

  it("a replay after the policy was widened grants no more than was charged", async () => {
    const { token, policyId } = await tenant("replay-policy", { maxTokensPerRequest: 10 });
    const first = await enforce(token, { requestId: "same" });
    expect(first.body).toMatchObject({ decision: "allowed", obligations: { reservedTokens: 10 } });
    const { body: policy } = await gateway.admin("GET", `/v1/policies/${policyId}`);
    const { name, effect, actions, resources } = policy;
    const constraints = { maxTokensPerRequest: 50_000 };
    const changed = await gateway.admin("PUT", `/v1/policies/${policyId}`, {
      name,
      effect,
      actions,
      resources,
      constraints,
    });
    expect(changed.status).toBe(200);
    const second = await enforce(token, { requestId: "same" });
    if (second.body.decision === "allowed")
      expect(second.body.obligations).toMatchObject({ reservedTokens: 10 });
  });
});

describe("/v1/enforce on odd input", () => {
  it("prototype keys, lone surrogates and a BOM make no 500 and no allowance without a charge", async () => {
    const { token } = await tenant("odd-enforce", { maxRequestsPerDay: 2 });
    const context = JSON.parse('{"__proto__":{"promptTokens":-5000000},"constructor":1}');
    const first = await enforce(token, { requestId: "\ud800", context });
    expect(first.body).toMatchObject({ decision: "allowed" });
    expect((first.body.obligations as Json).reservedTokens).toBeGreaterThan(0);
    expect((await enforce(token, { requestId: "\ud801", context })).status).toBeLessThan(500);
    const bom = await fetch(`${gateway.url}/v1/enforce`, {
      method: "POST",
      headers: { "x-api-key": gateway.adminKey, "content-type": "application/json" },
      body: `\ufeff{}`,
    });
    expect(bom.status).toBe(400);
  });
});

describe("many policies", () => {
  it("a token whose details match several grants in more than 64 ways is still decided", async () => {
    const { id } = await tenant("many");
    for (let index = 0; index < 3; index += 1) await grant("many", {}, `more ${index}`);
    const detail = { type: "model_invocation", actions: ["chat"], locations: ["*"] };
    const token = await gateway.tokenFor(id, { authorizationDetails: Array(20).fill(detail) });
    const { status, code } = await chat(token, { max_tokens: 5 });
    expect({ status, code }).toEqual({ status: 200, code: undefined });
  });

  it("the record of a refusal reaches the log however long the policy's list of names is (G5)", async () => {
    const allowedRoles = Array.from({ length: 1_000 }, (_, index) => `${index}-`.padEnd(120, "x"));
    const short = await tenant("short-names", { allowedRoles: allowedRoles.slice(0, 5) });
    expect((await chat(short.token, {})).code).toBe("role_not_allowed");
    await gateway.recorded(`tenant=short-names&agent=${short.id}`, (record) => record.decision === "denied");

    const { id, token } = await tenant("long-names", { allowedRoles });
    expect((await chat(token, {})).code).toBe("role_not_allowed");
    await gateway.recorded(`tenant=long-names&agent=${id}`, (record) => record.decision === "denied");
  });

  it("nor can such a list hide an allowed call, which detailed logging records before Azure is called (G5)", async () => {
    const { id, token } = await tenant("hidden-call", { auditLogging: "detailed" });
    const allowedRoles = Array.from({ length: 1_000 }, (_, index) => `${index}-`.padEnd(99, "x"));
    for (const name of ["first list", "second list"]) await grant("hidden-call", { allowedRoles }, name);
    expect((await chat(token, { max_tokens: 5 }, "raw")).status).toBe(200);
    await gateway.recorded(`tenant=hidden-call&agent=${id}`, (record) => record.decision === "allowed");
  });
});

describe("official SDKs notice nothing (G10)", () => {
  let token: string;
  beforeAll(async () => {
    ({ token } = await tenant("transparent"));
  });

  it("numbers beyond 2^53 arrive as they were sent", async () => {
    const text =
      '{"messages":[],"seed":9223372036854775807,"tools":[{"type":"function","function":{"name":"f",' +
      '"parameters":{"type":"object","properties":{"id":{"type":"integer","maximum":9223372036854775807}}}}}]}';
    await post("/openai/deployments/raw/chat/completions?api-version=2024-10-21", token, text);
    expect(received[0]?.text).toContain('"seed":9223372036854775807');
    expect(received[0]?.text).toContain('"maximum":9223372036854775807');
  });

  it("own __proto__ keys and lone surrogates in a body arrive", async () => {
    const text = '{"messages":[{"role":"user","content":"\\ud800"}],"metadata":{"__proto__":"x"}}';
    const path = "/openai/deployments/raw/chat/completions?api-version=2024-10-21";
    expect((await post(path, token, text)).status).toBe(200);
    expect(received[0]?.text).toContain('"__proto__":"x"');
    expect(received[0]?.text.toLowerCase()).toContain("\\ud800");
  });

  it("a client request id in UTF-8 does not make Azure unreachable", async () => {
    const { hostname, port } = new URL(gateway.url);
    const status = await new Promise<number>((resolve, reject) => {
      const outgoing = request(
        {
          hostname,
          port,
          method: "POST",
          path: "/openai/deployments/raw/chat/completions?api-version=2024-10-21",
          headers: {
            "content-type": "application/json",
            "api-key": token,
            "x-ms-client-request-id": Buffer.from("日本").toString("latin1"),
          },
        },
        (incoming) => {
          incoming.resume();
          resolve(incoming.statusCode ?? 0);
        },
      );
      outgoing.on("error", reject);
      outgoing.end('{"messages":[]}');
    });
    expect(status).toBe(200);
  });

  it("AzureOpenAI answers Responses, whose path has no deployment in it", async () => {
    const answered = await gateway.azure(token).responses.create({ model: "gpt-4o-mini", input: "hi" });
    expect(answered.output_text).toBeTruthy();
  });

  it("the v1 surface keeps `api-version=preview`", async () => {
    await post("/openai/v1/chat/completions?api-version=preview", token, { model: "raw", messages: [] });
    expect(received[0]?.path).toBe("/openai/v1/chat/completions?api-version=preview");
  });

  it("HEAD, OPTIONS and an empty or compressed body are refused, not failed", async () => {
    const path = `${gateway.url}/openai/deployments/raw/chat/completions?api-version=2024-10-21`;
    for (const method of ["HEAD", "OPTIONS", "GET", "PUT"])
      expect((await fetch(path, { method, headers: { "api-key": token } })).status).toBe(405);
    const empty = await fetch(path, {
      method: "POST",
      headers: { "api-key": token, "content-type": "application/json" },
    });
    expect(empty.status).toBe(400);
    const zipped = await fetch(path, {
      method: "POST",
      headers: { "api-key": token, "content-type": "application/json", "content-encoding": "gzip" },
      body: new Uint8Array(gzipSync('{"messages":[]}')),
    });
    expect([400, 415]).toContain(zipped.status);
    expect(received).toHaveLength(0);
  });
});

describe("event streams", () => {
  let agent: { id: string; token: string };
  beforeAll(async () => {
    agent = await tenant("streams");
  });
  const event = (data: Json) => `data: ${JSON.stringify(data)}\n\n`;
  const delta = { id: "x", choices: [{ index: 0, delta: { content: "hi" } }], usage: null };
  const last = { id: "x", choices: [], usage };
  const stream = (more: Json = {}) => chat(agent.token, { stream: true, ...more }, "raw");
  const charged = (headers: Headers) =>
    gateway.recorded(
      `tenant=streams&agent=${agent.id}`,
      (r) => r.kind === "completion" && r.decisionId === headers.get("portcullis-decision"),
    );

  it("comments, event and id lines, and data without a space are passed and metered", async () => {
    answer = streamed(
      ": keep-alive\n\n",
      `event: chunk\nid: 1\ndata:${JSON.stringify(delta)}\n\n`,
      `data:${JSON.stringify(last)}\r\n\r\n`,
      "data:[DONE]\n\n",
    );
    const { text, headers } = await stream();
    expect(text).toContain(": keep-alive");
    expect(text).toContain("id: 1");
    expect(text).not.toContain("total_tokens");
    expect(text).not.toContain("upstream_broken");
    expect(await charged(headers)).toMatchObject({ chargedTokens: 5, end: "complete" });
  });

  it("lines that end in CR alone are events too", async () => {
    answer = streamed(
      event(delta).replaceAll("\n", "\r"),
      event(last).replaceAll("\n", "\r"),
      "data: [DONE]\r\r",
    );
    const { text } = await stream();
    expect(text).toContain('"content":"hi"');
    expect(text).not.toContain("upstream_broken");
  });

  it("an error event inside a 200 stream passes once, charged as reserved", async () => {
    answer = streamed(event(delta), event({ error: { code: "server_error", message: "no" } }));
    const { text, headers } = await stream();
    expect(text.match(/"error"/g)).toHaveLength(1);
    expect(await charged(headers)).toMatchObject({ settlement: "as_reserved" });
  });

  it("usage on several chunks is charged once, by the last", async () => {
    answer = streamed(
      event({ ...delta, usage: { ...usage, total_tokens: 4 } }),
      event({ ...delta, usage }),
      "data: [DONE]\n\n",
    );
    const { headers, text } = await stream({ stream_options: { include_usage: true } });
    expect(text).toContain("[DONE]");
    expect(await charged(headers)).toMatchObject({ chargedTokens: 5 });
  });

  it("an event of several megabytes passes byte for byte", async () => {
    const big = event({ ...delta, padding: "x".repeat(6_000_000) });
    answer = streamed(big, event(last), "data: [DONE]\n\n");
    const { text } = await stream();
    expect(text).toBe(`${big}data: [DONE]\n\n`);
  }, 30_000);

  it("an event that reports usage in the caller's own words charges nothing else", async () => {
    const content =
      '"usage": {"prompt_tokens":0,"completion_tokens":0,"total_tokens":0} "type":"error" [DONE]';
    answer = streamed(
      event({ ...delta, choices: [{ index: 0, delta: { content } }] }),
      event(last),
      "data: [DONE]\n\n",
    );
    const { headers } = await stream();
    expect(await charged(headers)).toMatchObject({ chargedTokens: 5, end: "complete" });
  });
});

describe("residency", () => {
  let token: string;
  beforeAll(async () => {
    const promise = { home: "eu", residency: { zone: "eu", ingress: "anywhere" } };
    ({ token } = await tenant("eu-nested", {}, promise));
    expect((await chat(token, {}, "raw")).status).toBe(200);
  });

  const user = (more: Json) => ({ messages: [{ role: "user", content: "hi", ...more }] });
  for (const [name, body] of [
    ["a message's unknown field", user({ attachments: [{ url: "https://example.org/x" }] })],
    ["a part's unknown field", user({ content: [{ type: "text", text: "", url: "https://example.org" }] })],
    ["a part without a type", user({ content: [{ image_url: { url: "https://example.org/a.png" } }] })],
  ] as const)
    it(`${name} does not slip past a promise (G10: at every depth)`, async () => {
      expect((await chat(token, body, "raw")).status).toBe(400);
      expect(received).toHaveLength(0);
    });

  it("an image in `instructions` does not slip past a promise", async () => {
    const content = [{ type: "input_image", image_url: "https://example.org/a.png" }];
    const { status } = await responses(token, { input: "hi", instructions: [{ role: "user", content }] });
    expect(status).toBe(400);
    expect(gateway.simulator.requests).toHaveLength(0);
  });
});

describe("while a body is on its way", () => {
  /** Sends the head of a call, waits for `meanwhile`, then sends the body. */
  async function trickle(token: string, meanwhile: () => Promise<unknown>): Promise<number> {
    const { hostname, port } = new URL(gateway.url);
    const path = "/openai/deployments/raw/chat/completions?api-version=2024-10-21";
    const headers = { "content-type": "application/json", "api-key": token };
    const answered = Promise.withResolvers<number>();
    const outgoing = request({ hostname, port, method: "POST", path, headers }, (incoming) => {
      incoming.resume();
      answered.resolve(incoming.statusCode ?? 0);
    });
    outgoing.on("error", answered.reject);
    outgoing.write('{"messages":');
    await meanwhile();
    outgoing.end('[{"role":"user","content":"Hi"}]}');
    return answered.promise;
  }

  it("an agent that is disabled meanwhile is refused (G3)", async () => {
    const { id, token } = await tenant("trickle-agent");
    const disable = () => gateway.admin("PATCH", `/v1/agents/${id}`, { status: "disabled" });
    expect(await trickle(token, disable)).toBe(403);
    expect(received).toHaveLength(0);
  });

  it("a grant that is deleted meanwhile grants nothing (G3)", async () => {
    const { policyId, token } = await tenant("trickle-policy");
    const revoke = () => gateway.admin("DELETE", `/v1/policies/${policyId}`);
    expect(await trickle(token, revoke)).toBe(403);
    expect(received).toHaveLength(0);
  });
});

it("a body of millions of tiny values is refused before it becomes an isolate's whole memory (G7)", async () => {
  const { token } = await gateway.agent();
  const path = "/openai/deployments/raw/chat/completions?api-version=2024-10-21";
  const { status } = await post(path, token, `{"messages":[${"{},".repeat(5_500_000)}{}]}`);
  expect([400, 413]).toContain(status);
});

it("a key of one tenant learns and changes nothing with another's token (G7)", async () => {
  const victim = await tenant("victim", { maxRequestsPerDay: 1 });
  await tenant("prober");
  const made = await gateway.admin("POST", "/v1/keys", {
    name: "prober",
    scopes: ["enforce", "audit:read"],
    tenantId: "prober",
  });
  const key = String(made.body.key);
  const question = {
    requestId: "probe",
    capabilityToken: victim.token,
    action: "chat",
    resourceId: "api://azure-openai/models/raw",
  };
  const probe = await gateway.admin("POST", "/v1/enforce", question, key);
  expect(probe.body).toMatchObject({
    decision: "denied",
    reasons: [{ code: "tenant_mismatch" }],
    revision: null,
  });
  await gateway.recorded("tenant=prober", (record) => record.requestId === "probe");
  expect((await gateway.admin("GET", "/v1/audit?tenant=victim", undefined, key)).status).toBe(403);
  expect((await chat(victim.token, {}, "raw")).status).toBe(200);
});
