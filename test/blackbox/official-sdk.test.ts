/** The main job on real input: the official SDK, unchanged but for URL and key. */
import {
  APIError,
  AuthenticationError,
  BadRequestError,
  InternalServerError,
  NotFoundError,
  PermissionDeniedError,
  RateLimitError,
} from "openai";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type GatewayUnderTest, startGatewayUnderTest } from "./gateway-under-test.ts";
import { describePicturesAndSound } from "./pictures-and-sound.ts";

let gateway: GatewayUnderTest;
let token: string;
let agentId: string;

beforeAll(async () => {
  gateway = await startGatewayUnderTest();
  await gateway.admin("POST", "/v1/policies", {
    name: "models for everyone",
    effect: "allow",
    actions: ["chat", "completion", "embedding", "response"],
    resources: ["api://azure-openai/models/*"],
    constraints: { maxTokensPerRequest: 20_000, dataClassification: "internal" },
  });
  ({ id: agentId, token } = await gateway.agent({ name: "sdk" }));
});
afterAll(() => gateway.close());
beforeEach(() => gateway.simulator.clear());

const hello = [{ role: "user" as const, content: "Say hello to the castle." }];

/** What a promise rejects with, as the class the SDK promises. */
async function thrown<E extends Error>(
  work: Promise<unknown>,
  type: new (...args: never[]) => E,
): Promise<E> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(type);
  return error as E; // Checked on the line above.
}

describe("AzureOpenAI on classic paths", () => {
  it("completes a chat", async () => {
    const { data, response } = await gateway
      .azure(token)
      .chat.completions.create({ model: "ignored", messages: hello })
      .withResponse();
    expect(data.choices[0]?.message.content).toContain("castle");
    expect(data.usage?.total_tokens).toBeGreaterThan(0);
    expect(response.headers.get("portcullis-decision")).toMatch(/^decision_/);
    const [request] = gateway.simulator.requests;
    expect(request?.path).toBe("/openai/deployments/gpt-4o-mini/chat/completions?api-version=2024-10-21");
    expect(request?.headers["api-key"]).toBe(gateway.simulator.apiKey);
    expect(JSON.stringify(request)).not.toContain(token);
  });

  it("streams a chat, with the usage chunk hidden from a caller who did not ask", async () => {
    const stream = await gateway
      .azure(token)
      .chat.completions.create({ model: "gpt-4o-mini", messages: hello, stream: true });
    let text = "";
    let withUsage = 0;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta?.content ?? "";
      if (chunk.usage) withUsage += 1;
    }
    expect(text).toContain("castle");
    expect(withUsage).toBe(0);
    expect(gateway.simulator.requests[0]?.body).toMatchObject({ stream_options: { include_usage: true } });
  });

  it("streams the usage chunk to a caller who asked", async () => {
    const stream = await gateway.azure(token).chat.completions.create({
      model: "gpt-4o-mini",
      messages: hello,
      stream: true,
      stream_options: { include_usage: true },
    });
    let usage: unknown;
    for await (const chunk of stream) usage = chunk.usage ?? usage;
    expect(usage).toMatchObject({ total_tokens: expect.any(Number) });
  });

  it("completes text and embeds", async () => {
    const completion = await gateway
      .azure(token, "gpt-4")
      .completions.create({ model: "gpt-4", prompt: "Once upon a time" });
    expect(completion.choices[0]?.text).toBeTruthy();
    const embedding = await gateway
      .azure(token, "text-embedding-3-small")
      .embeddings.create({ model: "text-embedding-3-small", input: ["moat", "bridge"] });
    expect(embedding.data.map(({ embedding }) => embedding.length)).toEqual([1536, 1536]);
  });
});

describe("OpenAI on /openai/v1", () => {
  it("completes and streams a chat by deployment name", async () => {
    const client = gateway.openai(token);
    const answer = await client.chat.completions.create({ model: "gpt-4o-mini", messages: hello });
    expect(answer.choices[0]?.message.content).toContain("castle");
    expect(gateway.simulator.requests[0]?.path).toBe("/openai/v1/chat/completions");
    let events = 0;
    for await (const _ of await client.chat.completions.create({
      model: "gpt-4o-mini",
      messages: hello,
      stream: true,
    }))
      events += 1;
    expect(events).toBeGreaterThan(2);
  });

  it("answers Responses, whole and streamed, and stores nothing at Azure", async () => {
    const client = gateway.openai(token);
    const whole = await client.responses.create({ model: "gpt-4o-mini", input: "Say hello to the castle." });
    expect(whole.output_text).toContain("castle");
    expect(gateway.simulator.requests[0]?.body).toMatchObject({ store: false });
    let last: string | undefined;
    for await (const event of await client.responses.create({
      model: "gpt-4o-mini",
      input: "hello",
      stream: true,
    }))
      last = event.type;
    expect(last).toBe("response.completed");
  });

  it("embeds, and lists what the capability may use", async () => {
    const client = gateway.openai(token);
    const { data } = await client.embeddings.create({ model: "text-embedding-3-small", input: "moat" });
    expect(data[0]?.embedding).toHaveLength(1536);
    const models = await client.models.list();
    expect(models.data.map(({ id }) => id).toSorted()).toEqual([
      "gpt-4",
      "gpt-4o-mini",
      "text-embedding-3-small",
    ]);
  });

  it("refuses what would use objects stored at Azure", async () => {
    const client = gateway.openai(token);
    const error = await thrown(
      client.responses.create({ model: "gpt-4o-mini", input: "hi", previous_response_id: "resp_1" }),
      BadRequestError,
    );
    expect(error).toMatchObject({ code: "stored_object_refused", param: "previous_response_id" });
    expect(gateway.simulator.requests).toHaveLength(0);
  });
});

describePicturesAndSound(() => gateway);

describe("every refusal is the SDK's own typed error, with code and request id", () => {
  const call = (client = gateway.azure(token)) =>
    client.chat.completions.create({ model: "gpt-4o-mini", messages: hello });

  it("401 AuthenticationError for a token that does not verify", async () => {
    const error = await thrown(call(gateway.azure(`${token.slice(0, -6)}AAAAAA`)), AuthenticationError);
    expect(error.code).toMatch(/^token_/);
    expect(error.requestID).toMatch(/^request_/);
    await thrown(call(gateway.openai("not-a-token") as never), AuthenticationError);
    expect(gateway.simulator.requests).toHaveLength(0);
  });

  it("403 PermissionDeniedError for what no policy allows", async () => {
    await gateway.admin("POST", "/v1/tenants", { id: "strangers", name: "Strangers" });
    await gateway.admin("POST", "/v1/policies", {
      name: "not for strangers",
      effect: "deny",
      actions: ["*"],
      resources: ["*"],
      constraints: { allowedTenants: ["strangers"] },
    });
    const stranger = await gateway.agent({ tenantId: "strangers" });
    const error = await thrown(call(gateway.azure(stranger.token)), PermissionDeniedError);
    expect(error).toMatchObject({ code: "denied_by_policy", requestID: expect.stringMatching(/^request_/) });
    expect(error.headers?.get("portcullis-decision")).toMatch(/^decision_/);
    expect(gateway.simulator.requests).toHaveLength(0);
  });

  it("403 PermissionDeniedError for a tool that is not listed, and one of its own for what a boundary keeps out", async () => {
    const tenantId = "listed-tools";
    await gateway.admin("POST", "/v1/tenants", { id: tenantId, name: tenantId });
    const policy = { name: "p", tenantId, effect: "allow", actions: ["*"], resources: ["*"] };
    const boundary = { ...policy, kind: "boundary", constraints: { allowedCountries: ["DE"] } };
    expect((await gateway.admin("POST", "/v1/policies", boundary)).status).toBe(201);
    const { id } = await gateway.agent({ tenantId });
    const constraints = { allowedTools: ["function"] };
    const detail = { type: "model_invocation", actions: ["*"], locations: ["*"], constraints };
    const listed = { token: await gateway.tokenFor(id, { authorizationDetails: [detail] }) };
    const ask = (type: "web_search" | "function", place?: object) =>
      gateway.openai(listed.token, place && { ...place }).responses.create({
        model: "gpt-4o-mini",
        input: "Hello",
        tools: [type === "web_search" ? { type } : { type, name: "look_up", parameters: {}, strict: false }],
      });
    const searching = await thrown(ask("web_search"), PermissionDeniedError);
    expect(searching).toMatchObject({ code: "tool_not_allowed", param: "tools" });
    expect(searching.message).toContain("`web_search`");
    const abroad = await thrown(ask("function", { country: "FR" }), PermissionDeniedError);
    expect(abroad.code).toBe("outside_boundary");
    expect(gateway.simulator.requests).toHaveLength(0);
    expect((await ask("function")).output_text).toContain("Hello");
  });

  it("404 NotFoundError for a deployment that does not exist", async () => {
    const error = await thrown(call(gateway.azure(token, "gpt-9")), NotFoundError);
    expect(error.code).toBe("deployment_unknown");
  });

  it("400 BadRequestError for a body that is not understood", async () => {
    const error = await thrown(
      gateway.azure(token).chat.completions.create({ model: "gpt-4o-mini", messages: hello, max_tokens: -1 }),
      BadRequestError,
    );
    expect(error).toMatchObject({ code: "body_invalid", param: "max_tokens" });
  });

  it("Azure's own 429 and 400 pass as they are; its 500 as an error that it does not bill", async () => {
    // A pause that it asks for would be kept: the next call would not reach it.
    gateway.simulator.next({ kind: "rate-limited", retryAfterSeconds: 0 });
    const limited = await thrown(call(), RateLimitError);
    expect(limited.code).toBe("429");
    gateway.simulator.next({ kind: "prompt-blocked" });
    expect((await thrown(call(), BadRequestError)).code).toBe("content_filter");
    gateway.simulator.next({ kind: "status", status: 500 });
    await thrown(call(), InternalServerError);
    const released = await gateway.recorded(`agent=${agentId}`, (record) => record.upstreamStatus === 500);
    expect(released).toMatchObject({ kind: "completion", settlement: "released", chargedTokens: 0 });
  });

  it("a stream that Azure cuts or lets end silently ends with an error, never as a success", async () => {
    for (const kind of ["cut", "silent-end"] as const) {
      gateway.simulator.next({ kind, afterChunks: 3 });
      const stream = await gateway
        .azure(token)
        .chat.completions.create({ model: "gpt-4o-mini", messages: hello, stream: true });
      const read = async () => {
        for await (const _ of stream);
      };
      const error = await thrown(read(), APIError);
      expect(error.code).toBe("upstream_broken");
    }
  });
});

it("a caller who leaves mid-stream is settled with what Azure still reports", async () => {
  gateway.simulator.next({ kind: "slow", betweenChunksMs: 150 });
  const stream = await gateway
    .azure(token)
    .chat.completions.create({ model: "gpt-4o-mini", messages: hello, stream: true });
  for await (const _ of stream) break;
  const completion = await gateway.recorded(`agent=${agentId}`, (r) => r.end === "client_gone");
  expect(completion).toMatchObject({ settlement: "used", usage: { totalTokens: expect.any(Number) } });
  expect(completion.chargedTokens).toBe((completion.usage as { totalTokens: number }).totalTokens);
});

describe("the record", () => {
  it("holds the decision and the completion of a call, and neither prompt nor token", async () => {
    const { response } = await gateway
      .azure(token)
      .chat.completions.create({ model: "m", messages: hello, user: "ada@example.org" })
      .withResponse();
    const decisionId = response.headers.get("portcullis-decision");
    const decision = await gateway.recorded(
      `agent=${agentId}`,
      (r) => r.kind === "decision" && r.decisionId === decisionId,
    );
    const completion = await gateway.recorded(
      `agent=${agentId}`,
      (r) => r.kind === "completion" && r.decisionId === decisionId,
    );
    expect(decision).toMatchObject({ decision: "allowed", action: "chat", place: { country: "DE" } });
    expect(completion).toMatchObject({
      end: "complete",
      settlement: "used",
      backend: { region: "swedencentral", sku: "Standard" },
    });
    const text = JSON.stringify([decision, completion]);
    for (const secret of ["castle", "ada@example.org", token]) expect(text).not.toContain(secret);
  });
});
