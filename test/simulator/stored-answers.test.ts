/** What a simulated resource keeps, through the official SDK: its own answers, and none of another resource. */
import OpenAI, { BadRequestError, NotFoundError } from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Simulator, startSimulator } from "../../dev/simulator/start-simulator.ts";
import { collect } from "./collect.ts";

let simulators: Simulator[];
let client: OpenAI;
let other: OpenAI;
beforeAll(async () => {
  simulators = await Promise.all([startSimulator(), startSimulator()]);
  [client, other] = simulators.map(
    ({ url, apiKey }) => new OpenAI({ baseURL: `${url}/openai/v1`, apiKey, maxRetries: 0 }),
  ) as [OpenAI, OpenAI];
});
afterAll(() => Promise.all(simulators.map((one) => one.close())));

const model = "gpt-4o-mini";
const thrown = (work: Promise<unknown>) => work.then(() => undefined).catch((error: unknown) => error);

describe("responses", () => {
  it("are kept unless told otherwise, listed by what they were made of, and deleted", async () => {
    const made = await client.responses.create({ model, input: "hello" });
    expect(await client.responses.retrieve(made.id)).toMatchObject({ id: made.id, status: "completed" });
    const { data } = await client.responses.inputItems.list(made.id);
    expect(data).toMatchObject([{ role: "user", content: [{ type: "input_text", text: "hello" }] }]);
    await client.responses.delete(made.id);
    expect(await thrown(client.responses.retrieve(made.id))).toBeInstanceOf(NotFoundError);
    const unkept = await client.responses.create({ model, input: "hello", store: false });
    expect(await thrown(client.responses.retrieve(unkept.id))).toBeInstanceOf(NotFoundError);
  });

  it("are pages, the newest item first", async () => {
    const input = ["one", "two", "three"].map((content) => ({ role: "user" as const, content }));
    const { id } = await client.responses.create({ model, input });
    const texts: unknown[] = [];
    for await (const item of client.responses.inputItems.list(id, { limit: 2 }))
      texts.push("content" in item && Array.isArray(item.content) ? item.content[0] : undefined);
    expect(texts).toMatchObject([{ text: "three" }, { text: "two" }, { text: "one" }]);
  });

  it("are another resource's as little as they are continued there", async () => {
    const { id, usage } = await client.responses.create({ model, input: "hello" });
    expect(await thrown(other.responses.retrieve(id))).toBeInstanceOf(NotFoundError);
    const ask = { model, input: "and again", previous_response_id: id };
    expect(await thrown(other.responses.create(ask))).toMatchObject({ code: "previous_response_not_found" });
    const next = await client.responses.create(ask);
    expect(next.usage?.input_tokens).toBeGreaterThan(usage?.total_tokens ?? 0);
  });

  it("in the background go on while they are read, or are cancelled", async () => {
    const made = await client.responses.create({ model, input: "hello", background: true });
    expect(made).toMatchObject({ status: "queued", usage: null, output: [] });
    const statuses = [];
    for (let reading = 0; reading < 3; reading += 1)
      statuses.push((await client.responses.retrieve(made.id)).status);
    expect(statuses).toEqual(["queued", "in_progress", "completed"]);
    const second = await client.responses.create({ model, input: "hello", background: true });
    expect(await client.responses.cancel(second.id)).toMatchObject({ status: "cancelled" });
    const whole = await client.responses.create({ model, input: "hello" });
    expect(await thrown(client.responses.cancel(whole.id))).toBeInstanceOf(BadRequestError);
    const contradiction = client.responses.create({ model, input: "x", background: true, store: false });
    expect(await thrown(contradiction)).toBeInstanceOf(BadRequestError);
  });

  it("are streamed again from where a reader was", async () => {
    const { id } = await client.responses.create({ model, input: "hello" });
    const events = await collect(await client.responses.retrieve(id, { stream: true, starting_after: 0 }));
    expect(events.map(({ type }) => type)).toEqual(["response.in_progress", "response.completed"]);
  });
});

describe("chat completions", () => {
  const messages = [{ role: "user" as const, content: "hello" }];

  it("are kept where that is asked for, streamed ones too", async () => {
    const unkept = await client.chat.completions.create({ model, messages });
    expect(await thrown(client.chat.completions.retrieve(unkept.id))).toBeInstanceOf(NotFoundError);
    const stream = await client.chat.completions.create({ model, messages, store: true, stream: true });
    const { id } = (await collect(stream)).find((chunk) => chunk.id !== "") ?? { id: "" };
    expect(await client.chat.completions.retrieve(id)).toMatchObject({ id, object: "chat.completion" });
    const { data } = await client.chat.completions.messages.list(id);
    expect(data).toMatchObject([{ content: "hello" }]);
    expect(await client.chat.completions.delete(id)).toMatchObject({ deleted: true });
    expect(await thrown(client.chat.completions.delete(id))).toBeInstanceOf(NotFoundError);
  });
});
