/** Streams: byte for byte, ended explicitly, settled whatever becomes of the caller. */
import { describe, expect, it } from "vitest";
import type { AuditRecord } from "../../../src/audit/audit-record.ts";
import { DRAIN_MAX_MS, RENEW_EVERY_MS } from "../../../src/kernel/limits.ts";
import { ok } from "../../../src/kernel/result.ts";
import { backgroundDone, call, newCaller, ports, scriptedAzure } from "./gateway-fixture.ts";

const chunk = (content: string) =>
  `data: {"choices":[{"delta":{"content":"${content}"},"index":0}],"usage":null}\n\n`;
const usageChunk =
  'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}\n\n';
const done = "data: [DONE]\n\n";

/** An upstream stream the test drives event by event. */
function drivenStream() {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  return {
    answer: () => new Response(readable, { headers: { "content-type": "text/event-stream" } }),
    send: (text: string) => writer.write(new TextEncoder().encode(text)),
    end: () => writer.close(),
    break: () => writer.abort(new Error("reset")),
  };
}

async function streamed(overrides: Partial<typeof ports> = {}, signal?: AbortSignal) {
  const caller = await newCaller();
  const upstream = drivenStream();
  const taken: AuditRecord[] = [];
  const records = { send: async (_home: unknown, record: AuditRecord) => taken.push(record) > 0 };
  const body = JSON.stringify({ messages: [{ role: "user", content: "Hello" }], stream: true });
  const response = await call(
    caller,
    { azure: scriptedAzure(upstream.answer), records, ...overrides },
    { body, ...(signal ? { signal } : {}) },
  );
  return { upstream, response, completion: () => taken.find(({ kind }) => kind === "completion") };
}

it("an event reaches the caller before the next one exists", async () => {
  const { upstream, response, completion } = await streamed();
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  for (const content of ["one", "two"]) {
    await Promise.all([
      upstream.send(chunk(content)),
      expect(reader?.read()).resolves.toEqual({ done: false, value: chunk(content) }),
    ]);
  }
  void upstream.send(usageChunk + done);
  expect(await reader?.read()).toEqual({ done: false, value: done });
  await upstream.end();
  expect((await reader?.read())?.done).toBe(true);
  await backgroundDone();
  expect(completion()).toMatchObject({ end: "complete", settlement: "used", chargedTokens: 7 });
});

describe("a stream that does not end well ends with an explicit error event", () => {
  it("when Azure breaks off, without the half event", async () => {
    const { upstream, response, completion } = await streamed();
    const text = response.text();
    await upstream.send(`${chunk("one")}data: {"choi`);
    await upstream.break();
    expect(await text).toBe(`${chunk("one")}${await errorEvent("upstream_broken")}`);
    await backgroundDone();
    expect(completion()).toMatchObject({ end: "upstream_broken", settlement: "as_reserved" });
  });

  it("when Azure falls silent without saying that it is done", async () => {
    const { upstream, response } = await streamed();
    const text = response.text();
    await upstream.send(chunk("one"));
    await upstream.end();
    expect(await text).toContain('"code":"upstream_broken"');
    await backgroundDone();
  });
});

it("a caller who leaves: the upstream is drained for its usage, and the call is settled with it", async () => {
  const leaving = new AbortController();
  const { upstream, response, completion } = await streamed({}, leaving.signal);
  const reader = response.body?.getReader();
  await Promise.all([upstream.send(chunk("one")), reader?.read()]);
  leaving.abort();
  await upstream.send(chunk("two"));
  await upstream.send(usageChunk + done);
  await upstream.end();
  await backgroundDone();
  expect(completion()).toMatchObject({ end: "client_gone", settlement: "used", chargedTokens: 7 });
});

it("a caller who leaves for good: draining is cut after its limit, and the call is charged as reserved", async () => {
  const leaving = new AbortController();
  const timers = new Map<number, () => void>();
  const startTimer = (ms: number, fire: () => void) => {
    timers.set(ms, fire);
    return () => timers.delete(ms);
  };
  const { upstream, response, completion } = await streamed({ startTimer }, leaving.signal);
  const reader = response.body?.getReader();
  await Promise.all([upstream.send(chunk("one")), reader?.read()]);
  leaving.abort();
  expect([...timers.keys()]).toEqual(expect.arrayContaining([DRAIN_MAX_MS, RENEW_EVERY_MS]));
  timers.get(DRAIN_MAX_MS)?.();
  // The scripted upstream does not know the signal; a real one breaks off when it fires.
  await upstream.break();
  await backgroundDone();
  expect(completion()).toMatchObject({ end: "client_gone", settlement: "as_reserved" });
  expect(timers.size).toBe(0);
});

it("the reservation's deadline is the relay's hard limit", async () => {
  let timer = { ms: Number.NaN, fire: () => {} };
  const startTimer = (ms: number, fire: () => void) => {
    // The relay's own: no store is waited for this long.
    if (ms > DRAIN_MAX_MS) timer = { ms, fire };
    return () => {};
  };
  const renew = async () => ok({ outcome: "renewed" } as const);
  const ledgers = { ...ports.ledgers, renew };
  const { upstream, response, completion } = await streamed({ startTimer, ledgers });
  const text = response.text();
  await upstream.send(chunk("one"));
  for (let passedMs = 0; passedMs < ports.relayMaxMs; ) {
    passedMs += timer.ms;
    timer.fire();
    // The renewal's answer comes within microtasks.
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  await upstream.break();
  expect(await text).toContain('"code":"relay_deadline"');
  await backgroundDone();
  expect(completion()).toMatchObject({ end: "relay_deadline", settlement: "as_reserved" });
});

async function errorEvent(code: "upstream_broken"): Promise<string> {
  const { streamErrorEvent } = await import("../../../src/kernel/wire.ts");
  const { refuse } = await import("../../../src/kernel/refusal.ts");
  return streamErrorEvent(refuse(code));
}
