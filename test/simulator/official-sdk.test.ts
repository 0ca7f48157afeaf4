/**
 * The official `openai` package against the simulator: what it sends, what it makes of the answers, and
 * which exception each refusal becomes.
 */
import OpenAI, { AzureOpenAI } from "openai";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Simulator, startSimulator } from "../../dev/simulator/start-simulator.ts";
import { collect } from "./collect.ts";

let simulator: Simulator;
beforeAll(async () => {
  simulator = await startSimulator();
});
afterEach(() => simulator.clear());
afterAll(() => simulator.close());

const azure = (overrides: { apiKey?: string; deployment?: string; maxRetries?: number } = {}) =>
  new AzureOpenAI({
    endpoint: simulator.url,
    apiKey: simulator.apiKey,
    apiVersion: "2025-04-01-preview",
    maxRetries: 0,
    ...overrides,
  });
const v1 = () =>
  new OpenAI({ baseURL: `${simulator.url}/openai/v1`, apiKey: simulator.apiKey, maxRetries: 0 });
const hello = [{ role: "user" as const, content: "hello there" }];
const echo = 'You said: "hello there". This is the simulator speaking.';

describe("chat", () => {
  it("answers with the model version, the echo and exact usage", async () => {
    const { data, request_id, response } = await azure()
      .chat.completions.create({ model: "gpt-4o-mini", messages: hello })
      .withResponse();
    expect(data.model).toBe("gpt-4o-mini-2024-07-18");
    expect(data.choices[0]).toMatchObject({ finish_reason: "stop", message: { content: echo } });
    expect(data.usage).toMatchObject({ prompt_tokens: 9, completion_tokens: 9, total_tokens: 18 });
    expect(request_id).toMatch(/^[0-9a-f]{8}-/);
    expect(request_id).toBe(response.headers.get("x-request-id"));
  });

  it("streams without a usage chunk unless it was asked for", async () => {
    const stream = await azure().chat.completions.create({
      model: "gpt-4",
      messages: hello,
      stream: true,
    });
    const chunks = await collect(stream);
    expect(chunks[0]).toMatchObject({ id: "", object: "", choices: [] });
    expect(chunks.some((chunk) => "usage" in chunk)).toBe(false);
    expect(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("")).toBe(echo);
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe("stop");
  });

  it("streams null usage and one usage chunk when it was asked for", async () => {
    const stream = await azure().chat.completions.create({
      model: "gpt-4",
      messages: hello,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = await collect(stream);
    expect(chunks.slice(1, -1).every((chunk) => chunk.usage === null)).toBe(true);
    expect(chunks.at(-1)).toMatchObject({
      choices: [],
      usage: { prompt_tokens: 9, completion_tokens: 9, total_tokens: 18 },
    });
  });

  it("reaches the same deployment by v1, where the body names it", async () => {
    const completion = await v1().chat.completions.create({ model: "gpt-4", messages: hello });
    expect(completion.choices[0]?.message.content).toBe(echo);
    expect(simulator.requests[0]).toMatchObject({
      path: "/openai/v1/chat/completions",
      deployment: "gpt-4",
      headers: { authorization: `Bearer ${simulator.apiKey}` },
    });
  });

  it("carries seven x-stainless headers, the api-key and the Azure user agent", async () => {
    await azure().chat.completions.create({ model: "gpt-4", messages: hello });
    const headers = simulator.requests[0]?.headers ?? {};
    expect(
      Object.keys(headers)
        .filter((name) => name.startsWith("x-"))
        .toSorted(),
    ).toEqual([
      "x-stainless-arch",
      "x-stainless-lang",
      "x-stainless-os",
      "x-stainless-package-version",
      "x-stainless-retry-count",
      "x-stainless-runtime",
      "x-stainless-runtime-version",
    ]);
    expect(headers["api-key"]).toBe(simulator.apiKey);
    expect(headers["user-agent"]).toBe("AzureOpenAI/JS 7.57.0");
    expect(headers).not.toHaveProperty("authorization");
  });

  it("escapes a slash in the deployment's name", async () => {
    const call = azure({ deployment: "my dep/x" }).chat.completions.create({ model: "m", messages: hello });
    await expect(call).rejects.toMatchObject({ status: 404, code: "DeploymentNotFound" });
    expect(simulator.requests[0]?.path).toMatch(/^\/openai\/deployments\/my%20dep%2Fx\/chat/);
  });
});

describe("completions", () => {
  it("answers and streams", async () => {
    const whole = await azure().completions.create({ model: "gpt-4", prompt: "hello there" });
    expect(whole.choices[0]).toMatchObject({ text: echo, finish_reason: "stop" });
    expect(whole.usage).toMatchObject({ prompt_tokens: 2, completion_tokens: 9 });
    const stream = await azure().completions.create({ model: "gpt-4", prompt: "hello there", stream: true });
    const chunks = await collect(stream);
    expect(chunks.map((chunk) => chunk.choices[0]?.text ?? "").join("")).toBe(echo);
  });
});

describe("embeddings", () => {
  it("answers base64, the SDK's default, with the same numbers as float", async () => {
    const input = ["hello there", "goodbye"];
    const viaBase64 = await azure().embeddings.create({ model: "text-embedding-3-small", input });
    const asFloat = await azure().embeddings.create({
      model: "text-embedding-3-small",
      input,
      encoding_format: "float",
    });
    expect(simulator.requests.map((request) => request.body)).toEqual([
      expect.objectContaining({ encoding_format: "base64" }),
      expect.objectContaining({ encoding_format: "float" }),
    ]);
    expect(viaBase64.data[0]?.embedding).toHaveLength(1536);
    expect(viaBase64.data.map((item) => item.embedding)).toEqual(asFloat.data.map((item) => item.embedding));
    expect(viaBase64.data[0]?.embedding).not.toEqual(viaBase64.data[1]?.embedding);
    expect(viaBase64.usage).toEqual({ prompt_tokens: 3, total_tokens: 3 });
  });
});

describe("responses", () => {
  it("answers with the deployment's name", async () => {
    const response = await v1().responses.create({ model: "gpt-4o-mini", input: "hello there" });
    expect(response).toMatchObject({ status: "completed", model: "gpt-4o-mini", output_text: echo });
    expect(response.usage).toMatchObject({ input_tokens: 9, output_tokens: 9, total_tokens: 18 });
  });

  it("streams in the recorded order, with usage on the terminal event alone", async () => {
    const stream = await v1().responses.create({ model: "gpt-4o-mini", input: "hello there", stream: true });
    const events = await collect(stream);
    const types = events.map((event) => event.type);
    expect(types.filter((type, index) => type !== types[index - 1])).toEqual([
      "response.created",
      "response.in_progress",
      "response.output_item.added",
      "response.content_part.added",
      "response.output_text.delta",
      "response.output_text.done",
      "response.content_part.done",
      "response.output_item.done",
      "response.completed",
    ]);
    expect(events.map((event) => event.sequence_number)).toEqual(events.map((_, index) => index));
    const usages = events.map((event) => ("response" in event ? event.response.usage : undefined));
    expect(usages.filter((usage) => usage != null)).toHaveLength(1);
    expect(usages.at(-1)).toMatchObject({ input_tokens: 9, output_tokens: 9 });
    expect(events.at(-1)).toHaveProperty("response.content_filters.0.source_type", "prompt");
  });

  it("ends incomplete at the bound", async () => {
    const stream = await v1().responses.create({
      model: "gpt-4o-mini",
      input: "hello there",
      max_output_tokens: 2,
      stream: true,
    });
    const last = (await collect(stream)).at(-1);
    expect(last).toMatchObject({
      type: "response.incomplete",
      response: { incomplete_details: { reason: "max_output_tokens" }, usage: { output_tokens: 2 } },
    });
  });

  it("is read by the SDK with `event:` lines and [DONE] as well", async () => {
    const other = await startSimulator({ responseStream: { eventLines: true, doneLine: true } });
    const client = new OpenAI({ baseURL: `${other.url}/openai/v1`, apiKey: other.apiKey });
    const stream = await client.responses.create({ model: "gpt-4o-mini", input: "hello", stream: true });
    const events = await collect(stream);
    await other.close();
    expect(events.at(-1)?.type).toBe("response.completed");
  });
});

describe("models", () => {
  it("lists the region's catalogue in Azure's shape", async () => {
    const models = await collect(await v1().models.list());
    expect(models[0]).toMatchObject({ object: "model", status: "succeeded", created_at: expect.any(Number) });
    expect(await collect(await azure().models.list())).toEqual(models);
  });
});

describe("refusals become the SDK's exceptions", () => {
  const chat = (client: OpenAI, model = "gpt-4") =>
    client.chat.completions.create({ model, messages: hello });

  it("401", async () => {
    const error = await chat(azure({ apiKey: "wrong" })).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(OpenAI.AuthenticationError);
    expect(error).toMatchObject({ status: 401, code: "401", requestID: null });
  });

  it("404 for an unknown deployment", async () => {
    const error = await chat(azure(), "nowhere").catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(OpenAI.NotFoundError);
    expect(error).toMatchObject({ code: "DeploymentNotFound" });
  });

  it("400 for an operation the model does not have", async () => {
    const call = azure().embeddings.create({ model: "gpt-4", input: "hello" });
    await expect(call).rejects.toMatchObject({
      status: 400,
      code: "OperationNotSupported",
      message: expect.stringContaining(
        "The embeddings operation does not work with the specified model, gpt-4.",
      ),
    });
  });

  it("429", async () => {
    simulator.next({ kind: "rate-limited" });
    const error = await chat(azure()).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(OpenAI.RateLimitError);
    expect(error).toMatchObject({
      code: "429",
      message: expect.stringContaining("in Sweden Central have exceeded the token rate limit"),
    });
  });

  it.each([true, false])("400 for a blocked prompt, innererror %s", async (innerError) => {
    simulator.next({ kind: "prompt-blocked", innerError });
    const error = await chat(azure()).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(OpenAI.BadRequestError);
    expect(error).toMatchObject({ code: "content_filter", param: "prompt" });
    expect(error).toHaveProperty("error.status", 400);
    expect(
      Object.hasOwn(Object((error as InstanceType<typeof OpenAI.BadRequestError>).error), "innererror"),
    ).toBe(innerError);
  });

  it("a 500 with a body that is not JSON", async () => {
    simulator.next({ kind: "status", status: 503, body: "upstream connect error" });
    const error = await chat(azure()).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(OpenAI.InternalServerError);
    expect(error).toMatchObject({ status: 503, message: "503 upstream connect error" });
  });
});
