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

/** A caller who asks for usage gets every event, which the runtime carries; of others' streams one is kept back. */
const ways = [
  ["event by event", {}],
  ["carried", { stream_options: { include_usage: true } }],
] as const;
type Asked = (typeof ways)[number][1];

async function streamed(
  asked: Asked,
  overrides: Partial<typeof ports> = {},
  signal?: AbortSignal,
  upstream = drivenStream(),
) {
  const caller = await newCaller();
  const taken: AuditRecord[] = [];
  const records = { send: async (_home: unknown, record: AuditRecord) => taken.push(record) > 0 };
  const body = JSON.stringify({ messages: [{ role: "user", content: "Hello" }], stream: true, ...asked });
  const response = await call(
    caller,
    { azure: scriptedAzure(upstream.answer), records, ...overrides },
    { body, ...(signal ? { signal } : {}) },
  );
  return { upstream, response, completion: () => taken.find(({ kind }) => kind === "completion") };
}

it.each(ways)("an event reaches the caller before the next one exists: %s", async (_, asked) => {
  const { upstream, response, completion } = await streamed(asked);
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  for (const content of ["one", "two"]) {
    await Promise.all([
      upstream.send(chunk(content)),
      expect(reader?.read()).resolves.toEqual({ done: false, value: chunk(content) }),
    ]);
  }
  void upstream.send(usageChunk + done);
  const last = "stream_options" in asked ? usageChunk + done : done;
  expect(await reader?.read()).toEqual({ done: false, value: last });
  await upstream.end();
  expect((await reader?.read())?.done).toBe(true);
  await backgroundDone();
  expect(completion()).toMatchObject({ end: "complete", settlement: "used", chargedTokens: 7 });
});

describe("a stream that does not end well ends with an explicit error event", () => {
  it("when Azure breaks off, without the half event", async () => {
    const { upstream, response, completion } = await streamed({});
    const text = response.text();
    await upstream.send(`${chunk("one")}data: {"choi`);
    await upstream.break();
    expect(await text).toBe(`${chunk("one")}${await errorEvent("upstream_broken")}`);
    await backgroundDone();
    expect(completion()).toMatchObject({ end: "upstream_broken", settlement: "as_reserved" });
  });

  it.each(ways)("when Azure breaks off between events: %s", async (_, asked) => {
    const { upstream, response, completion } = await streamed(asked);
    const text = response.text();
    await upstream.send(chunk("one"));
    await upstream.break();
    expect(await text).toBe(`${chunk("one")}${await errorEvent("upstream_broken")}`);
    await backgroundDone();
    expect(completion()).toMatchObject({ end: "upstream_broken", settlement: "as_reserved" });
  });

  it.each(ways)("when Azure falls silent without saying that it is done: %s", async (_, asked) => {
    const { upstream, response } = await streamed(asked);
    const text = response.text();
    await upstream.send(chunk("one"));
    await upstream.end();
    expect(await text).toContain('"code":"upstream_broken"');
    await backgroundDone();
  });
});

it.each(ways)(
  "a caller who leaves: the upstream is drained for its usage, and the call is settled with it: %s",
  async (_, asked) => {
    const leaving = new AbortController();
    const { upstream, response, completion } = await streamed(asked, {}, leaving.signal);
    const reader = response.body?.getReader();
    await Promise.all([upstream.send(chunk("one")), reader?.read()]);
    leaving.abort();
    await upstream.send(chunk("two"));
    await upstream.send(usageChunk + done);
    await upstream.end();
    await backgroundDone();
    expect(completion()).toMatchObject({ end: "client_gone", settlement: "used", chargedTokens: 7 });
  },
);

it("a caller who leaves for good: draining is cut after its limit, and the call is charged as reserved", async () => {
  const leaving = new AbortController();
  const timers = new Map<number, () => void>();
  const startTimer = (ms: number, fire: () => void) => {
    timers.set(ms, fire);
    return () => timers.delete(ms);
  };
  const { upstream, response, completion } = await streamed({}, { startTimer }, leaving.signal);
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
  const { upstream, response, completion } = await streamed({}, { startTimer, ledgers });
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

it.each(ways)("a caller who does not read holds Azure back: %s", async (_, asked) => {
  const event = new TextEncoder().encode(chunk("x".repeat(60_000)));
  let sent = 0;
  const events = new ReadableStream<Uint8Array>({
    async pull(controller) {
      // A turn for each, so that whoever would read ahead could.
      await new Promise((resolve) => setTimeout(resolve, 0));
      sent += 1;
      controller.enqueue(event);
    },
  });
  const answer = () => new Response(events, { headers: { "content-type": "text/event-stream" } });
  const { response } = await streamed(asked, {}, undefined, { ...drivenStream(), answer });
  const reader = response.body?.getReader();
  expect((await reader?.read())?.done).toBe(false);
  expect(response.status).toBe(200);
  for (let turns = 0; turns < 100; turns += 1) await new Promise((resolve) => setTimeout(resolve, 0));
  expect(sent).toBeLessThan(20);
  await reader?.cancel();
});

async function errorEvent(code: "upstream_broken"): Promise<string> {
  const { streamErrorEvent } = await import("../../../src/kernel/wire.ts");
  const { refuse } = await import("../../../src/kernel/refusal.ts");
  return streamErrorEvent(refuse(code));
}
