/** What only a socket shows: the exact bytes of a stream, and streams that stop, tear, stall or lie. */
import { AzureOpenAI } from "openai";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Simulator, startSimulator } from "../../dev/simulator/start-simulator.ts";
import { collect } from "./collect.ts";

let simulator: Simulator;
beforeAll(async () => {
  simulator = await startSimulator();
});
afterEach(() => simulator.clear());
afterAll(() => simulator.close());

const messages = [{ role: "user" as const, content: "hello there" }];

function post(body: object, signal?: AbortSignal): Promise<Response> {
  return fetch(`${simulator.url}/openai/v1/chat/completions`, {
    method: "POST",
    headers: { "api-key": simulator.apiKey },
    body: JSON.stringify({ model: "gpt-4", messages, ...body }),
    ...(signal === undefined ? {} : { signal }),
  });
}
const stream = (signal?: AbortSignal) => post({ stream: true }, signal);

/** Reads until the body ends or breaks. */
async function read(response: Response): Promise<{ text: string; broke: boolean }> {
  const decoder = new TextDecoder();
  let text = "";
  try {
    for await (const bytes of response.body ?? []) text += decoder.decode(bytes, { stream: true });
    return { text, broke: false };
  } catch {
    return { text, broke: true };
  }
}
const events = (text: string) => text.split("\n\n").filter((event) => event !== "");

describe("a healthy stream", () => {
  it("has data lines alone, alphabetical keys, and the recorded first event", async () => {
    const response = await post({ stream: true, stream_options: { include_usage: true } });
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    const all = events((await read(response)).text);
    expect(all[0]).toBe(
      'data: {"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0,"content_filter_results":{"hate":{"filtered":false,"severity":"safe"},"jailbreak":{"detected":false,"filtered":false},"self_harm":{"filtered":false,"severity":"safe"},"sexual":{"filtered":false,"severity":"safe"},"violence":{"filtered":false,"severity":"safe"}}}]}',
    );
    expect(all[1]?.replace(/"(created|id|obfuscation)":("[^"]+"|\d+)/g, '"$1":0')).toBe(
      'data: {"choices":[{"content_filter_results":{},"delta":{"content":"","refusal":null,"role":"assistant"},"finish_reason":null,"index":0,"logprobs":null}],"created":0,"id":0,"model":"gpt-4-0613","obfuscation":0,"object":"chat.completion.chunk","service_tier":"default","system_fingerprint":null,"usage":null}',
    );
    expect(all.every((event) => event.startsWith("data: ") && !event.includes("\n"))).toBe(true);
    expect(all.at(-1)).toBe("data: [DONE]");
  });
});

describe("streams that stop", () => {
  it.each([0, 1, 4])("is cut after %i chunks", async (afterChunks) => {
    simulator.next({ kind: "cut", afterChunks });
    const { text, broke } = await read(await stream());
    expect(broke).toBe(true);
    expect(events(text)).toHaveLength(afterChunks);
    expect(await simulator.requests[0]?.finished).toBe("cut");
  });

  it("ends silently after k chunks, which the SDK takes for success", async () => {
    simulator.next({ kind: "silent-end", afterChunks: 4 });
    const { text, broke } = await read(await stream());
    expect(broke).toBe(false);
    expect(events(text)).toHaveLength(4);
    expect(text).not.toMatch(/\[DONE\]|"finish_reason":"/);

    simulator.next({ kind: "silent-end", afterChunks: 4 });
    const sdk = new AzureOpenAI({
      endpoint: simulator.url,
      apiKey: simulator.apiKey,
      apiVersion: "2025-04-01-preview",
    });
    const chunks = await collect(
      await sdk.chat.completions.create({ model: "gpt-4", messages, stream: true }),
    );
    expect(chunks).toHaveLength(4);
  });

  it("breaks JSON bodies as well", async () => {
    simulator.next({ kind: "cut", afterChunks: 1 });
    expect(await read(await post({}))).toMatchObject({ broke: true });
    simulator.next({ kind: "silent-end", afterChunks: 1 });
    const { text, broke } = await read(await post({}));
    expect(broke).toBe(false);
    expect(() => JSON.parse(text)).toThrow();
  });

  it("leaves the usage chunk out although it was asked for", async () => {
    simulator.next({ kind: "no-usage" });
    const response = await post({ stream: true, stream_options: { include_usage: true } });
    const { text } = await read(response);
    expect(text).not.toContain('"usage":{');
    expect(text).toContain("data: [DONE]");
  });
});

describe("garbage", () => {
  it("is a 200 that is not JSON, or one bad event in a stream that goes on", async () => {
    simulator.next({ kind: "garbage" });
    const whole = await post({});
    expect(whole.status).toBe(200);
    await expect(whole.json()).rejects.toThrow(SyntaxError);

    simulator.next({ kind: "garbage", afterChunks: 2 });
    const all = events((await read(await stream())).text);
    expect(() => JSON.parse(all[2]?.slice(6) ?? "{}")).toThrow(SyntaxError);
    expect(() => JSON.parse(all[3]?.slice(6) ?? "")).not.toThrow();
    expect(all.at(-1)).toBe("data: [DONE]");
  });

  it("in the stream of a JSON answer spoils that answer", async () => {
    simulator.next({ kind: "garbage", afterChunks: 2 });
    await expect((await post({})).json()).rejects.toThrow(SyntaxError);
  });

  it("in a stream makes the SDK throw", async () => {
    simulator.next({ kind: "garbage", afterChunks: 2 });
    const sdk = new AzureOpenAI({
      endpoint: simulator.url,
      apiKey: simulator.apiKey,
      apiVersion: "2025-04-01-preview",
      logLevel: "off",
    });
    const chunks = await sdk.chat.completions.create({ model: "gpt-4", messages, stream: true });
    await expect(collect(chunks)).rejects.toThrow(SyntaxError);
  });
});

describe("time", () => {
  it("is slow before headers and between chunks", async () => {
    simulator.next({ kind: "slow", beforeHeadersMs: 60, betweenChunksMs: 10 });
    const startedMs = performance.now();
    const response = await stream();
    const headersMs = performance.now() - startedMs;
    const { text } = await read(response);
    expect(headersMs).toBeGreaterThanOrEqual(55);
    expect(performance.now() - startedMs - headersMs).toBeGreaterThanOrEqual(9 * (events(text).length - 2));
    expect(text).toContain("[DONE]");
  });

  it("hangs until the client goes away, and knows that it did", async () => {
    simulator.next({ kind: "hang" });
    const arrived = simulator.waitForRequest();
    const client = new AbortController();
    const answer = stream(client.signal);
    const request = await arrived;
    expect(request).toMatchObject({ isFinished: false, clientDisconnected: false });
    client.abort();
    await expect(answer).rejects.toThrow();
    expect(await request.finished).toBe("client_gone");
    expect(request.clientDisconnected).toBe(true);
  });

  it("hangs in the middle of a stream, so that a reader can leave there", async () => {
    simulator.next({ kind: "hang", afterChunks: 3 });
    const client = new AbortController();
    const response = await stream(client.signal);
    const reader = response.body?.getReader();
    expect((await reader?.read())?.done).toBe(false);
    client.abort();
    expect(await simulator.requests[0]?.finished).toBe("client_gone");
  });

  it("lets a client leave a slow stream long before its end", async () => {
    simulator.next({ kind: "slow", betweenChunksMs: 60_000 });
    const sdk = new AzureOpenAI({
      endpoint: simulator.url,
      apiKey: simulator.apiKey,
      apiVersion: "2025-04-01-preview",
    });
    const chunks = await sdk.chat.completions.create({ model: "gpt-4", messages, stream: true });
    for await (const _ of chunks) break;
    expect(await simulator.requests[0]?.finished).toBe("client_gone");
  });

  it("combines faults on one request", async () => {
    simulator.next([
      { kind: "slow", betweenChunksMs: 1 },
      { kind: "cut", afterChunks: 2 },
    ]);
    const { text, broke } = await read(await stream());
    expect([events(text).length, broke]).toEqual([2, true]);
    expect((await stream()).status).toBe(200);
  });
});
