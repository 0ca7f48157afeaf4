/**
 * What applications do with the official SDK, a row for each, made with both of its clients. docs/sdks.md shows the
 * same rows as a table; official-sdk.test.ts runs them and holds the two against each other.
 */
import {
  APIConnectionTimeoutError,
  APIUserAbortError,
  AuthenticationError,
  BadRequestError,
  ConflictError,
  InternalServerError,
  NotFoundError,
  type OpenAI,
  PermissionDeniedError,
  RateLimitError,
  UnprocessableEntityError,
} from "openai";
import { zodResponseFormat, zodTextFormat } from "openai/helpers/zod";
import { expect } from "vitest";
import * as z from "zod";
import type { FaultInput } from "../../dev/simulator/fault.ts";
import type { Simulator } from "../../dev/simulator/start-simulator.ts";
import { mediaRows } from "./media-matrix.ts";

export const clientNames = ["AzureOpenAI", "OpenAI"] as const;
export type ClientName = (typeof clientNames)[number];

export interface MatrixCall {
  /** Without retries; a row that is about them asks for some. */
  readonly client: OpenAI;
  readonly model: string;
  readonly simulator: Simulator;
  /** Client of an agent whose token allows embeddings alone. */
  readonly narrow: OpenAI;
  /** Client with something that is no token. */
  readonly stranger: OpenAI;
}

export interface MatrixRow {
  readonly feature: string;
  /** Absent: both. */
  readonly clients?: readonly ClientName[];
  /** Absent: a chat model. */
  readonly deployment?: string;
  /** Whether the caller leaves its last call: that is drained, and settled with what Azure reports. */
  readonly leaves?: true;
  readonly check: (call: MatrixCall) => Promise<void>;
}

export const chatModel = "gpt-4o-mini";
const embeddingModel = "text-embedding-3-small";
const messages = [{ role: "user" as const, content: "Say hello to the castle." }];
const weather = {
  name: "weather_at",
  description: "The weather at a place.",
  parameters: {
    type: "object",
    properties: { place: { type: "string" } },
    required: ["place"],
    additionalProperties: false,
  },
};
const chatTools = [{ type: "function" as const, function: weather }];
const responseTools = [{ ...weather, type: "function" as const, strict: true }];
const toolCall: FaultInput = { kind: "tool-call", name: "weather_at", arguments: '{"place":"the moat"}' };
const Castle = z.object({ name: z.string(), towers: z.number() });
const castle = { name: "Kronborg", towers: 4 };
const castleText: FaultInput = { kind: "reply", text: JSON.stringify(castle) };
const pixel =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

/** What a promise rejects with, as the class the SDK promises. */
export async function thrown<E extends Error>(
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

const chat = ({ client, model }: Pick<MatrixCall, "client" | "model">) =>
  client.chat.completions.create({ model, messages });

/** Azure's answer, in the four members of its model layer. */
const failing = (status: number, headers: Record<string, string> = {}): FaultInput => ({
  kind: "status",
  status,
  headers,
  body: { error: { message: `as ${status}`, type: "some_type", param: "messages", code: `code_${status}` } },
});

/** A row for an error of Azure's that passes as it is. */
const passedError = (status: number, type: new (...args: never[]) => Error): MatrixRow => ({
  feature: `Azure's ${status}: \`${type.name}\` with code, param, type and request id`,
  async check(call) {
    call.simulator.next(failing(status));
    expect(await thrown(chat(call), type)).toMatchObject({
      status,
      code: `code_${status}`,
      param: "messages",
      type: "some_type",
      requestID: expect.stringMatching(/./),
    });
  },
});

export const clientMatrix: readonly MatrixRow[] = [
  {
    feature: "chat",
    async check({ client, model, simulator }) {
      const { data, response } = await client.chat.completions
        .create({ model, messages, temperature: 0.2, user: "ada" })
        .withResponse();
      expect(data.choices[0]?.message.content).toContain("castle");
      expect(data.usage?.total_tokens).toBeGreaterThan(0);
      // What only Azure has passes too.
      expect(data).toHaveProperty("prompt_filter_results");
      expect(response.headers.get("portcullis-decision")).toMatch(/^decision_/);
      expect(simulator.requests[0]?.body).toMatchObject({ temperature: 0.2 });
    },
  },
  {
    feature: "chat, streamed; the usage chunk that the gateway asks for is not shown",
    async check({ client, model, simulator }) {
      const chunks = await all(await client.chat.completions.create({ model, messages, stream: true }));
      expect(chunks.map((chunk) => chunk.choices[0]?.delta?.content ?? "").join("")).toContain("castle");
      expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe("stop");
      expect(chunks.some((chunk) => chunk.usage)).toBe(false);
      expect(simulator.requests[0]?.body).toMatchObject({ stream_options: { include_usage: true } });
    },
  },
  {
    feature: "chat, streamed with `stream_options.include_usage`",
    async check({ client, model }) {
      const chunks = await all(
        await client.chat.completions.create({
          model,
          messages,
          stream: true,
          stream_options: { include_usage: true },
        }),
      );
      expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: expect.any(Number) } });
      expect(chunks[1]).toHaveProperty("obfuscation");
    },
  },
  {
    feature: "tools: a function call, whole",
    async check({ client, model, simulator }) {
      simulator.next(toolCall);
      const answer = await client.chat.completions.create({ model, messages, tools: chatTools });
      expect(answer.choices[0]).toMatchObject({
        finish_reason: "tool_calls",
        message: { content: null, tool_calls: [{ function: { name: "weather_at" } }] },
      });
      expect(simulator.requests[0]?.body).toMatchObject({ tools: chatTools });
    },
  },
  {
    feature: "tools: a function call, streamed (`chat.completions.stream`)",
    async check({ client, model, simulator }) {
      simulator.next(toolCall);
      const answer = await client.chat.completions
        .stream({ model, messages, tools: chatTools })
        .finalChatCompletion();
      expect(answer.choices[0]?.message.tool_calls?.[0]).toMatchObject({
        function: { name: "weather_at", arguments: '{"place":"the moat"}' },
      });
    },
  },
  {
    feature: "tools: `chat.completions.runTools` calls the function and goes on",
    async check({ client, model, simulator }) {
      simulator.next(toolCall);
      simulator.next({ kind: "reply", text: "It rains." });
      const places: string[] = [];
      const runner = client.chat.completions.runTools({
        model,
        messages,
        tools: [
          {
            type: "function",
            function: {
              ...weather,
              parse: (text: string) => z.object({ place: z.string() }).parse(JSON.parse(text)),
              function: ({ place }: { place: string }) => {
                places.push(place);
                return "rain";
              },
            },
          },
        ],
      });
      expect(await runner.finalContent()).toBe("It rains.");
      expect(places).toEqual(["the moat"]);
      expect(simulator.requests[1]?.body).toMatchObject({
        messages: [{}, { role: "assistant" }, { role: "tool", content: "rain" }],
      });
    },
  },
  {
    feature: "structured output (`chat.completions.parse` with zod)",
    async check({ client, model, simulator }) {
      simulator.next(castleText);
      const response_format = zodResponseFormat(Castle, "castle");
      const answer = await client.chat.completions.parse({ model, messages, response_format });
      expect(answer.choices[0]?.message.parsed).toEqual(castle);
      expect(simulator.requests[0]?.body).toMatchObject({
        response_format: { type: "json_schema", json_schema: { name: "castle", strict: true } },
      });
    },
  },
  {
    feature: "vision: an image as a data URL",
    async check({ client, model, simulator }) {
      const content = [
        { type: "text" as const, text: "What castle is this?" },
        { type: "image_url" as const, image_url: { url: pixel, detail: "low" as const } },
      ];
      const answer = await client.chat.completions.create({ model, messages: [{ role: "user", content }] });
      expect(answer.choices[0]?.message.content).toContain("castle");
      expect(simulator.requests[0]?.body).toMatchObject({ messages: [{ content }] });
    },
  },
  {
    feature: "completions, whole and streamed",
    // Azure has no such path on its v1 surface.
    clients: ["AzureOpenAI"],
    deployment: "gpt-4",
    async check({ client, model }) {
      const ask = { model, prompt: "Once upon a castle", max_tokens: 40 };
      expect((await client.completions.create(ask)).choices[0]?.text).toContain("castle");
      const chunks = await all(await client.completions.create({ ...ask, stream: true }));
      expect(chunks.map((chunk) => chunk.choices[0]?.text ?? "").join("")).toContain("castle");
    },
  },
  {
    feature: "embeddings, as base64 (the SDK's default) and as numbers",
    deployment: embeddingModel,
    async check({ client, model, simulator }) {
      const input = ["moat", "bridge"];
      const packed = await client.embeddings.create({ model, input });
      const plain = await client.embeddings.create({ model, input, encoding_format: "float" });
      expect(packed.data.map(({ embedding }) => embedding.length)).toEqual([1536, 1536]);
      expect(plain.data[1]?.embedding[7]).toBeCloseTo(packed.data[1]?.embedding[7] ?? Number.NaN, 5);
      expect(simulator.requests.map(({ body }) => body)).toMatchObject([
        { encoding_format: "base64" },
        { encoding_format: "float" },
      ]);
    },
  },
  {
    feature: "responses; nothing is stored at Azure",
    async check({ client, model, simulator }) {
      const answer = await client.responses.create({ model, input: "Say hello to the castle." });
      expect(answer.output_text).toContain("castle");
      expect(answer).toHaveProperty("content_filters");
      expect(simulator.requests[0]?.body).toMatchObject({ store: false });
    },
  },
  {
    feature: "responses, streamed: as events, and by `responses.stream`",
    async check({ client, model }) {
      const events = await all(await client.responses.create({ model, input: "Hello castle", stream: true }));
      expect(events.map(({ sequence_number }) => sequence_number)).toEqual([...events.keys()]);
      expect(events.at(-1)?.type).toBe("response.completed");
      const final = await client.responses.stream({ model, input: "Hello castle" }).finalResponse();
      expect(final.output_text).toContain("castle");
    },
  },
  {
    feature: "responses: a function call, whole and streamed",
    async check({ client, model, simulator }) {
      const ask = { model, input: "How is the weather?", tools: responseTools };
      simulator.next(toolCall);
      const whole = await client.responses.create(ask);
      simulator.next(toolCall);
      const streamed = await client.responses.stream(ask).finalResponse();
      for (const { output } of [whole, streamed]) {
        expect(output).toMatchObject([
          { type: "function_call", name: "weather_at", arguments: '{"place":"the moat"}' },
        ]);
      }
    },
  },
  {
    feature: "responses: structured output (`responses.parse` with zod)",
    async check({ client, model, simulator }) {
      simulator.next(castleText);
      const text = { format: zodTextFormat(Castle, "castle") };
      const answer = await client.responses.parse({ model, input: "Describe it.", text });
      expect(answer.output_parsed).toEqual(castle);
    },
  },
  {
    feature: "responses: an image as a data URL",
    async check({ client, model }) {
      const answer = await client.responses.create({
        model,
        input: [
          {
            role: "user",
            content: [
              { type: "input_text", text: "What castle is this?" },
              { type: "input_image", image_url: pixel, detail: "low" },
            ],
          },
        ],
      });
      expect(answer.output_text).toContain("castle");
    },
  },
  ...mediaRows,
  {
    feature: "the list of models: what the token may use",
    async check({ client, simulator }) {
      const ids = (await all(client.models.list())).map(({ id }) => id);
      expect(ids).toEqual(expect.arrayContaining([chatModel, "gpt-4", embeddingModel]));
      expect(simulator.requests).toHaveLength(0);
    },
  },
  {
    feature: "something that is no token: `AuthenticationError`",
    async check({ stranger, model, simulator }) {
      const error = await thrown(chat({ client: stranger, model }), AuthenticationError);
      expect(error.code).toMatch(/^token_/);
      expect(error.requestID).toMatch(/^request_/);
      expect(simulator.requests).toHaveLength(0);
    },
  },
  {
    feature: "what the token does not allow: `PermissionDeniedError`",
    async check({ narrow, model, simulator }) {
      const error = await thrown(chat({ client: narrow, model }), PermissionDeniedError);
      expect(error).toMatchObject({ code: "outside_token", type: "portcullis_refusal" });
      expect(error.headers?.get("portcullis-decision")).toMatch(/^decision_/);
      expect(simulator.requests).toHaveLength(0);
    },
  },
  {
    feature: "a deployment that does not exist: `NotFoundError`",
    deployment: "gpt-9",
    async check({ client, model }) {
      expect((await thrown(chat({ client, model }), NotFoundError)).code).toBe("deployment_unknown");
    },
  },
  {
    feature: "a body that is not understood: `BadRequestError` with the member's name",
    async check({ client, model }) {
      const work = client.chat.completions.create({ model, messages, max_tokens: -1 });
      expect(await thrown(work, BadRequestError)).toMatchObject({
        code: "body_invalid",
        param: "max_tokens",
      });
    },
  },
  {
    feature: "a prompt that Azure's content filter blocks: `BadRequestError` with `innererror`",
    async check(call) {
      call.simulator.next({ kind: "prompt-blocked" });
      expect(await thrown(chat(call), BadRequestError)).toMatchObject({
        code: "content_filter",
        param: "prompt",
        error: { innererror: { code: "ResponsibleAIPolicyViolation" } },
      });
    },
  },
  passedError(400, BadRequestError),
  passedError(404, NotFoundError),
  passedError(409, ConflictError),
  passedError(422, UnprocessableEntityError),
  passedError(500, InternalServerError),
  {
    feature: "Azure's 429: `RateLimitError` with what Azure asks callers to wait, 60 s at most",
    async check(call) {
      // A pause that it asks for would be kept, and the next row's calls would not reach it.
      call.simulator.next({ kind: "rate-limited", retryAfterSeconds: 0 });
      const { code, headers } = await thrown(chat(call), RateLimitError);
      expect([code, headers?.get("retry-after"), headers?.get("retry-after-ms")]).toEqual(["429", "0", "0"]);
    },
  },
  {
    feature: "retries: as many as `maxRetries`, after what `retry-after-ms` says",
    async check({ client, model, simulator }) {
      simulator.next({ kind: "rate-limited", retryAfterSeconds: null, retryAfterMs: 120 });
      const began = performance.now();
      const answer = await chat({ client: client.withOptions({ maxRetries: 1 }), model });
      expect(answer.choices[0]?.message.content).toContain("castle");
      expect(performance.now() - began).toBeGreaterThanOrEqual(120);
      expect(simulator.requests).toHaveLength(2);
      for (const _ of [1, 2]) simulator.next(failing(500, { "retry-after-ms": "1" }));
      await thrown(chat({ client: client.withOptions({ maxRetries: 1 }), model }), InternalServerError);
      expect(simulator.requests).toHaveLength(4);
      // One failure more in a row, and the backend would be left alone.
      await chat({ client, model });
    },
  },
  {
    feature: "retries: none after `x-should-retry: false`",
    async check({ client, model, simulator }) {
      const eager = client.withOptions({ maxRetries: 2 });
      simulator.next(failing(500, { "x-should-retry": "false" }));
      await thrown(chat({ client: eager, model }), InternalServerError);
      expect(simulator.requests).toHaveLength(1);
    },
  },
  {
    feature: "a timeout of the client's own: `APIConnectionTimeoutError`",
    leaves: true,
    async check({ client, model, simulator }) {
      simulator.next({ kind: "slow", beforeHeadersMs: 1_500 });
      await thrown(
        client.chat.completions.create({ model, messages }, { timeout: 200 }),
        APIConnectionTimeoutError,
      );
    },
  },
  {
    feature: "abort by a signal: `APIUserAbortError`",
    leaves: true,
    async check({ client, model, simulator }) {
      simulator.next({ kind: "slow", beforeHeadersMs: 1_000 });
      const abort = new AbortController();
      const arrived = simulator.waitForRequest();
      const work = client.chat.completions.create({ model, messages }, { signal: abort.signal });
      const error = thrown(work, APIUserAbortError);
      await arrived;
      abort.abort();
      await error;
    },
  },
  {
    feature: "a stream that is left (`break`)",
    leaves: true,
    async check({ client, model, simulator }) {
      simulator.next({ kind: "slow", betweenChunksMs: 150 });
      for await (const _ of await client.chat.completions.create({ model, messages, stream: true })) break;
    },
  },
];
