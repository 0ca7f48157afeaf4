/**
 * How the pinned SDK retries. A gateway's refusals rely on this; where an SDK update changes it, these
 * tests are what should fail.
 */
import OpenAI, { AzureOpenAI } from "openai";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { type Simulator, startSimulator } from "../../dev/simulator/start-simulator.ts";

let simulator: Simulator;
beforeAll(async () => {
  simulator = await startSimulator();
});
afterEach(() => simulator.clear());
afterAll(() => simulator.close());

const chat = () =>
  new AzureOpenAI({
    endpoint: simulator.url,
    apiKey: simulator.apiKey,
    apiVersion: "2024-10-21",
  }).chat.completions.create({ model: "gpt-4", messages: [{ role: "user", content: "hello" }] });

it("tries three times in all and counts in x-stainless-retry-count", async () => {
  for (let attempt = 0; attempt < 3; attempt++) {
    simulator.next({ kind: "rate-limited", retryAfterSeconds: 0, retryAfterMs: 1 });
  }
  await expect(chat()).rejects.toBeInstanceOf(OpenAI.RateLimitError);
  expect(simulator.requests.map((request) => request.headers["x-stainless-retry-count"])).toEqual([
    "0",
    "1",
    "2",
  ]);
  expect(simulator.requests.some((request) => "idempotency-key" in request.headers)).toBe(false);
});

it("prefers retry-after-ms to retry-after", async () => {
  simulator.next({ kind: "rate-limited", retryAfterSeconds: 30, retryAfterMs: 1 });
  const startedMs = performance.now();
  await chat();
  expect(performance.now() - startedMs).toBeLessThan(5000);
});

it("ignores a retry-after above 60 s and backs off by itself", async () => {
  simulator.next({ kind: "rate-limited", wording: "old", retryAfterSeconds: 86_400 });
  const startedMs = performance.now();
  await chat();
  expect(performance.now() - startedMs).toBeGreaterThan(300);
  expect(simulator.requests).toHaveLength(2);
});

it("obeys x-should-retry: false", async () => {
  simulator.next({ kind: "status", status: 429, headers: { "x-should-retry": "false" } });
  await expect(chat()).rejects.toBeInstanceOf(OpenAI.RateLimitError);
  expect(simulator.requests).toHaveLength(1);
});

it.each([408, 409, 500, 503])("retries a %i", async (status) => {
  simulator.next({ kind: "status", status, headers: { "retry-after-ms": "1" } });
  await chat();
  expect(simulator.requests).toHaveLength(2);
});
