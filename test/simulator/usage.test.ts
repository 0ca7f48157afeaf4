/** Tokens that tests can compute, bounds that hold, and the faults that break what usage promises. */
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import { type Simulator, startSimulator } from "../../dev/simulator/start-simulator.ts";

let simulator: Simulator;
beforeAll(async () => {
  simulator = await startSimulator();
});
afterEach(() => simulator.clear());
afterAll(() => simulator.close());

const Usage = z.object({ prompt_tokens: z.number(), completion_tokens: z.number().default(0) });
const Answer = z.object({
  choices: z.array(
    z.object({
      finish_reason: z.string(),
      message: z.object({ content: z.string() }).optional(),
      text: z.string().optional(),
    }),
  ),
  usage: Usage.optional(),
});

async function post(path: string, body: object): Promise<unknown> {
  const response = await fetch(simulator.url + path, {
    method: "POST",
    headers: { "api-key": simulator.apiKey },
    body: JSON.stringify(body),
  });
  expect(response.status).toBe(200);
  return response.json();
}

const chat = async (body: object) =>
  Answer.parse(await post("/openai/v1/chat/completions", { model: "gpt-4", messages, ...body }));
const messages = [{ role: "user", content: "one two three" }];

describe("counting", () => {
  it("adds words, 4 per message and 3 per request", async () => {
    const two = [{ role: "system", content: "be brief" }, ...messages];
    expect((await chat({ messages: two })).usage?.prompt_tokens).toBe(2 + 4 + 3 + 4 + 3);
  });

  it("never exceeds n times the bound, and reports length exactly when it cut", async () => {
    const answer = "You said: one two three. This is the simulator speaking.".split(" ").length;
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 4 }), async (bound, n) => {
        const { choices, usage } = await chat({ max_tokens: bound, n });
        expect(choices).toHaveLength(n);
        expect(usage?.completion_tokens).toBe(n * Math.min(bound, answer));
        expect(choices.every((choice) => choice.finish_reason === (bound < answer ? "length" : "stop"))).toBe(
          true,
        );
      }),
      { numRuns: 30 },
    );
  });

  it("says the same thing whole and streamed, whatever the text", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "grapheme", maxLength: 80 }), async (text) => {
        simulator.next({ kind: "reply", text });
        const whole = await chat({});
        simulator.next({ kind: "reply", text });
        const response = await fetch(`${simulator.url}/openai/v1/chat/completions`, {
          method: "POST",
          headers: { "api-key": simulator.apiKey },
          body: JSON.stringify({ model: "gpt-4", messages, stream: true }),
        });
        const Chunk = z.object({
          choices: z.array(z.object({ delta: z.object({ content: z.string().default("") }) })),
        });
        const streamed = (await response.text())
          .split("\n\n")
          .filter((event) => event.startsWith("data: {"))
          .map((event) => Chunk.parse(JSON.parse(event.slice(6))).choices[0]?.delta.content ?? "");
        expect(whole.choices[0]?.message?.content).toBe(text);
        expect(streamed.join("")).toBe(text);
      }),
      { numRuns: 30 },
    );
  });

  it("bills what best_of discards", async () => {
    const body = { prompt: "hello", max_tokens: 2, n: 1, best_of: 3 };
    const path = "/openai/deployments/gpt-4/completions?api-version=2024-10-21";
    const { choices, usage } = Answer.parse(await post(path, body));
    expect(choices).toHaveLength(1);
    expect(usage).toEqual({ prompt_tokens: 1, completion_tokens: 6 });
  });

  it("counts tokens given as numbers, for each of several inputs", async () => {
    const body = { model: "text-embedding-3-small", input: [[1, 2, 3], [4]], dimensions: 8 };
    const answer = await post("/openai/v1/embeddings", body);
    expect(answer).toMatchObject({ usage: { prompt_tokens: 4, total_tokens: 4 } });
    expect(answer).toHaveProperty("data.1.embedding.length", 8);
  });
});

describe("faults", () => {
  it("reports more than was asked for", async () => {
    simulator.next({ kind: "debt", extraTokens: 7 });
    expect((await chat({ max_tokens: 5, n: 2 })).usage?.completion_tokens).toBe(17);
  });

  it("reports what it was told, once", async () => {
    simulator.next({ kind: "usage", promptTokens: 1000, completionTokens: 50 });
    expect((await chat({})).usage).toEqual({ prompt_tokens: 1000, completion_tokens: 50 });
    expect((await chat({})).usage?.prompt_tokens).toBe(10);
  });

  it("withholds usage", async () => {
    simulator.next({ kind: "no-usage" });
    expect((await chat({})).usage).toBeUndefined();
    simulator.next({ kind: "no-usage" });
    const response = await post("/openai/v1/responses", { model: "gpt-4o-mini", input: "hello" });
    expect(response).toMatchObject({ status: "completed", usage: null });
  });

  it("filters the output in the middle, with 200", async () => {
    simulator.next({ kind: "output-filtered" });
    const { choices } = await chat({});
    expect(choices[0]).toMatchObject({ finish_reason: "content_filter" });
    expect(choices[0]?.message?.content).not.toContain("speaking");
  });

  it("waits for the deployment it is meant for", async () => {
    const fault = { kind: "usage", promptTokens: 1, completionTokens: 1 } as const;
    simulator.next(fault, { deployment: "gpt-4o-mini" });
    expect((await chat({})).usage?.prompt_tokens).toBe(10);
    expect((await chat({ model: "gpt-4o-mini" })).usage?.prompt_tokens).toBe(1);
  });

  it("is not used up by a request that Azure would refuse", async () => {
    simulator.next({ kind: "usage", promptTokens: 1, completionTokens: 1 });
    const refused = await fetch(`${simulator.url}/openai/v1/chat/completions`, { method: "POST" });
    expect(refused.status).toBe(401);
    expect((await chat({})).usage?.prompt_tokens).toBe(1);
  });
});
