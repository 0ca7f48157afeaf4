// A stream never ends silently, is settled exactly once, and its usage is learned even when the caller has gone.
import { describe, expect, it, vi } from "vitest";
import { type OperationName, operations } from "../../../src/azure/operation.ts";
import { type ByteChannel, COPY_LAG_MS, LOOK_MS } from "../../../src/gateway/pass-split.ts";
import { relayStream } from "../../../src/gateway/relay-stream.ts";
import type { CutByLedger } from "../../../src/gateway/renewals.ts";
import type { CallEnd } from "../../../src/gateway/settle-call.ts";
import { createUpstreamCutoff } from "../../../src/gateway/upstream-cutoff.ts";
import type { StartTimer } from "../../../src/kernel/clock.ts";
import type { JsonObject } from "../../../src/kernel/json.ts";
import { DRAIN_MAX_MS, MAX_STREAMED_EVENT_BYTES, UPSTREAM_IDLE_MAX_MS } from "../../../src/kernel/limits.ts";
import { refuse } from "../../../src/kernel/refusal.ts";
import { streamErrorEvent } from "../../../src/kernel/wire.ts";
import { allowedWith, createManualTimers, newByteChannel, noRenewals, question } from "./gateway-fixture.ts";

const RELAY_MAX_MS = 600_000;
const word = 'data: {"choices":[{"delta":{"content":"Hi 水"}}],"usage":null}\n\n';
const usageChunk =
  'data: {"choices":[],"usage":{"prompt_tokens":2,"completion_tokens":3,"total_tokens":5}}\n\n';
const done = "data: [DONE]\n\n";
const used = {
  kind: "used",
  usage: { promptTokens: 2, cachedPromptTokens: 0, completionTokens: 3, totalTokens: 5 },
};

/** An answer that Azure keeps is passed event by event, as is one of which an event is kept back. */
const ways = ["carried", "event by event"] as const;
type Way = (typeof ways)[number];

interface Call {
  readonly wantsUsage?: boolean;
  readonly name?: OperationName;
  readonly body?: JsonObject;
  readonly constraints?: Record<string, unknown>;
  readonly channel?: ByteChannel;
}

const keptByAzure = { body: { store: true }, constraints: { allowStore: true } };

function relayed(way: Way, asked: Call = {}) {
  const given: Call = way === "event by event" ? keptByAzure : {};
  const { wantsUsage = true, name = "chat/completions", constraints = {}, channel } = { ...given, ...asked };
  const body = { ...given.body, ...asked.body };
  const bound: string[] = [];
  const timers = createManualTimers();
  // What is waited for there is the runtime, which takes real time.
  const startTimer: StartTimer = (ms, fire) => {
    if (ms !== COPY_LAG_MS) return timers.startTimer(ms, fire);
    const timer = setTimeout(fire, ms);
    return () => clearTimeout(timer);
  };
  const client = new AbortController();
  let cut: CutByLedger = () => {};
  const cutoff = createUpstreamCutoff(timers, client.signal, RELAY_MAX_MS, (givenCut) => {
    cut = givenCut;
    return noRenewals();
  });
  cutoff.headersArrived();
  let source: ReadableByteStreamController | undefined;
  const events = new ReadableStream({
    type: "bytes",
    start(controller) {
      source = controller;
      cutoff.signal.addEventListener("abort", () => controller.error(new Error("aborted")));
    },
  });
  const settled = Promise.withResolvers<CallEnd>();
  const settlements: CallEnd[] = [];
  const answer = relayStream(
    {
      background: (work) => void work.catch(settled.reject),
      startTimer,
      newByteChannel: () => channel ?? newByteChannel(),
    },
    {
      question,
      allowed: allowedWith(constraints),
      operation: operations[name],
      body,
      wantsUsage,
    },
    new Response(null, { status: 200, headers: { "content-type": "text/event-stream" } }),
    events,
    cutoff,
    async (end) => {
      settlements.push(end);
      settled.resolve(end);
    },
    (storedId) => bound.push(storedId),
  );
  return {
    bound,
    timers,
    client,
    answer,
    settlements,
    cut: (...why: Parameters<CutByLedger>) => cut(...why),
    settled: settled.promise,
    isCut: () => cutoff.signal.aborted,
    send: (text: string) => source?.enqueue(new TextEncoder().encode(text)),
    end() {
      source?.close();
      // A read that waits with its own buffer ends with an answer to it (Streams standard, section 4.7).
      source?.byobRequest?.respond(0);
    },
    breakOff: () => source?.error(new Error("connection reset")),
  };
}

const lastEvent = (text: string) => text.slice(text.lastIndexOf("data: "));
const errorOf = (code: string) => new RegExp(`^data: \\{"error":\\{"code":"${code}".*\\}\\}\\n\\n$`);
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe.each(ways)("a stream that comes to its end (%s)", (way) => {
  it("passes byte for byte and is settled with its usage", async () => {
    const { answer, send, end, settled, settlements } = relayed(way);
    send(word + usageChunk + done);
    end();
    expect(await answer.text()).toBe(word + usageChunk + done);
    expect(await settled).toEqual({ end: "complete", outcome: used, upstreamStatus: 200 });
    expect(settlements).toHaveLength(1);
    expect(answer.headers.get("content-type")).toBe("text/event-stream");
    expect(answer.headers.get("portcullis-request-id")).toBe("request_1");
  });

  it("passes each event as it comes", async () => {
    const { answer, send } = relayed(way);
    const reader = answer.body?.getReader();
    send(word);
    expect(new TextDecoder().decode((await reader?.read())?.value)).toBe(word);
  });
});

describe.each(ways)("a stream whose caller did not ask for usage (%s otherwise)", (way) => {
  it("keeps back the chunk that only the gateway asked for", async () => {
    const { answer, send, end, settled } = relayed(way, { wantsUsage: false });
    send(word + usageChunk + done);
    end();
    expect(await answer.text()).toBe(word + done);
    expect((await settled).outcome).toEqual(used);
  });
});

describe.each(ways)("a stream of several pictures (%s)", (way) => {
  const usage = { input_tokens: 2, output_tokens: 3, total_tokens: 5 };
  const picture = `data: ${JSON.stringify({ type: "image_generation.completed", usage })}\n\n`;
  const ofTwo = () => relayed(way, { name: "images/generations", body: { n: 2 } });
  const asReserved = { kind: "as_reserved" };

  it("is charged for what it reports once it is whole, and where Azure says that there is no more", async () => {
    for (const pictures of [picture + picture, picture]) {
      const { answer, send, end, settled } = ofTwo();
      send(pictures);
      end();
      await answer.text();
      const { outcome } = await settled;
      const totalTokens = pictures === picture ? 5 : 10;
      expect(outcome).toMatchObject({ kind: "used", usage: { totalTokens } });
    }
  });

  it("is charged as reserved where it breaks off after the first: the others may be billed", async () => {
    const { answer, send, breakOff, settled } = ofTwo();
    const reader = answer.body?.getReader();
    send(picture);
    await reader?.read();
    breakOff();
    await reader?.read();
    expect(await settled).toMatchObject({ end: "upstream_broken", outcome: asReserved });
  });

  it("is not over when it falls silent after the first", async () => {
    const { answer, send, timers, settled } = ofTwo();
    const text = answer.text();
    send(picture);
    await turn();
    timers.pass(UPSTREAM_IDLE_MAX_MS);
    expect(await text).toContain("upstream_timeout");
    expect(await settled).toMatchObject({ end: "upstream_timeout", outcome: asReserved });
  });
});

describe.each(ways)("a stream that does not (%s)", (way) => {
  it.each(["breakOff", "end"] as const)("(%s) between events ends with an error event", async (how) => {
    const call = relayed(way);
    const text = call.answer.text();
    call.send(word);
    await turn();
    call[how]();
    expect(lastEvent(await text)).toMatch(errorOf("upstream_broken"));
    expect(await call.settled).toMatchObject({ end: "upstream_broken", outcome: { kind: "as_reserved" } });
  });

  it("ends at the deadline with an error event that says so", async () => {
    const { answer, send, timers, settled } = relayed(way);
    const text = answer.text();
    for (let ms = 0; ms < RELAY_MAX_MS; ms += UPSTREAM_IDLE_MAX_MS / 2) {
      send(word);
      await turn();
      timers.pass(UPSTREAM_IDLE_MAX_MS / 2);
    }
    expect(lastEvent(await text)).toMatch(errorOf("relay_deadline"));
    expect(await settled).toMatchObject({ end: "relay_deadline", outcome: { kind: "as_reserved" } });
  });

  it.each([
    ["charged as reserved", "", { kind: "as_reserved" }],
    ["charged with the usage that was seen", usageChunk, used],
  ])("ends with an error event when the upstream falls silent, %s", async (_, seen, outcome) => {
    const { answer, send, timers, settled } = relayed(way);
    const text = answer.text();
    send(word + seen);
    await turn();
    timers.pass(UPSTREAM_IDLE_MAX_MS);
    expect(lastEvent(await text)).toMatch(errorOf("upstream_timeout"));
    expect(await settled).toMatchObject({ end: "upstream_timeout", outcome });
  });

  it("is complete once it said so, even if the upstream's connection stays open", async () => {
    const { answer, send, timers, settled } = relayed(way);
    const text = answer.text();
    send(word + usageChunk + done);
    await turn();
    timers.pass(UPSTREAM_IDLE_MAX_MS);
    expect(await text).toBe(word + usageChunk + done);
    expect(await settled).toMatchObject({ end: "complete", outcome: used });
  });
});

describe("a stream that breaks off inside an event, event by event", () => {
  it.each(["breakOff", "end"] as const)(
    "(%s) ends with an error event, after whole events alone",
    async (how) => {
      const call = relayed("event by event");
      const text = call.answer.text();
      call.send(`${word}data: {"half`);
      await Promise.resolve();
      // The queue is read before the stream ends or errs.
      await turn();
      call[how]();
      const [event, ...rest] = (await text).split(/(?<=\n\n)/);
      expect(event).toBe(word);
      expect(rest.join("")).toMatch(errorOf("upstream_broken"));
      expect(await call.settled).toMatchObject({ end: "upstream_broken", outcome: { kind: "as_reserved" } });
    },
  );

  it("ends where an event is larger than may be held, and Azure is left", async () => {
    const { answer, send, isCut, settled } = relayed("event by event");
    const text = answer.text();
    send(`${word}data: ${"x".repeat(MAX_STREAMED_EVENT_BYTES)}`);
    const [event, ...rest] = (await text).split(/(?<=\n\n)/);
    expect(event).toBe(word);
    expect(rest.join("")).toMatch(errorOf("upstream_broken"));
    expect(await settled).toMatchObject({ end: "upstream_broken", outcome: { kind: "as_reserved" } });
    expect(isCut()).toBe(true);
  });
});

describe("a stream that breaks off inside an event, carried", () => {
  it.each(["breakOff", "end"] as const)("(%s) breaks off for the caller as well", async (how) => {
    const call = relayed("carried");
    const reader = call.answer.body?.getReader();
    call.send(`${word}data: {"half`);
    const { value } = (await reader?.read()) ?? {};
    expect(new TextDecoder().decode(value)).toBe(`${word}data: {"half`);
    call[how]();
    await expect(reader?.read()).rejects.toThrow("broke off");
    expect(await call.settled).toMatchObject({ end: "upstream_broken", outcome: { kind: "as_reserved" } });
  });

  it("and Azure is left where what has passed cannot be looked at", async () => {
    const readable = new ReadableStream<Uint8Array>({
      type: "bytes",
      pull: () => Promise.reject(new Error("lost")),
    });
    const { settled, isCut, send, breakOff, timers } = relayed("carried", {
      channel: { readable, writable: new WritableStream() },
    });
    send(word);
    timers.pass(LOOK_MS);
    expect(await settled).toMatchObject({ end: "upstream_broken", outcome: { kind: "as_reserved" } });
    expect(isCut()).toBe(true);
    breakOff();
  });

  it("and Azure is left where what has passed cannot be metered", async () => {
    const { answer, send, isCut, settled, timers } = relayed("carried");
    const text = answer.text();
    send(word);
    await turn();
    const broken = vi.spyOn(Uint8Array.prototype, "includes").mockImplementation(() => {
      throw new Error("A bug.");
    });
    try {
      timers.pass(LOOK_MS);
      expect(await settled).toMatchObject({ end: "upstream_broken", outcome: { kind: "as_reserved" } });
    } finally {
      broken.mockRestore();
    }
    const [event, ...rest] = (await text).split(/(?<=\n\n)/);
    expect(event).toBe(word);
    expect(rest.join("")).toMatch(errorOf("upstream_broken"));
    expect(isCut()).toBe(true);
  });

  it("and Azure is left where an event is larger than may be held", async () => {
    const { answer, send, isCut, settled, timers } = relayed("carried");
    const text = answer.text();
    send(`${word}data: ${"x".repeat(MAX_STREAMED_EVENT_BYTES)}`);
    await turn();
    timers.pass(LOOK_MS);
    await expect(text).rejects.toThrow("broke off");
    expect(await settled).toMatchObject({ end: "upstream_broken", outcome: { kind: "as_reserved" } });
    expect(isCut()).toBe(true);
  });
});

describe("the id of an answer", () => {
  const named = word.replace("{", '{"id":"chatcmpl-1",');

  it("that Azure keeps is told with the event that has it, before the stream ends, and once more in the end", async () => {
    const { answer, send, end, bound, settled, settlements } = relayed("event by event", keptByAzure);
    const reader = answer.body?.getReader();
    send(named);
    expect(new TextDecoder().decode((await reader?.read())?.value)).toBe(named);
    expect([bound, settlements]).toEqual([["chatcmpl-1"], []]);
    send(named + usageChunk + done);
    end();
    while (!(await reader?.read())?.done);
    expect(await settled).toMatchObject({ end: "complete", storedId: "chatcmpl-1" });
    expect(bound).toEqual(["chatcmpl-1"]);
  });

  it.each([
    ["that nobody asked Azure to keep", {}, { allowStore: true }],
    ["that may not be kept", keptByAzure.body, {}],
  ])("%s is told to nobody", async (_, body, constraints) => {
    const { answer, send, end, bound, settled } = relayed("carried", { body, constraints });
    send(named + usageChunk + done);
    end();
    await answer.text();
    expect(await settled).not.toHaveProperty("storedId");
    expect(bound).toEqual([]);
  });
});

describe.each(ways)("a stream whose agent may not go on (%s)", (way) => {
  const refusal = refuse("agent_disabled");

  it.each([
    ["charged as reserved", "", { kind: "as_reserved" }],
    ["charged with the usage that was seen", usageChunk, used],
  ])("ends with an error event that says why, %s", async (_, seen, outcome) => {
    const { answer, send, cut, settled } = relayed(way);
    const text = answer.text();
    send(word + seen);
    await turn();
    cut("revoked", refusal);
    expect(await text).toBe(word + seen + streamErrorEvent(refusal));
    expect(await settled).toEqual({ end: "revoked", outcome, upstreamStatus: 200 });
  });

  it("is complete once it said so", async () => {
    const { answer, send, cut, settled } = relayed(way);
    const text = answer.text();
    send(word + usageChunk + done);
    await turn();
    cut("revoked", refusal);
    expect(await text).toBe(word + usageChunk + done);
    expect(await settled).toMatchObject({ end: "complete", outcome: used });
  });
});

describe.each(ways)("a caller who stays and never reads (%s)", (way) => {
  it("does not hold up the settlement past the deadline, or past a minute in which nothing passes", async () => {
    const { timers, send, settled, settlements } = relayed(way);
    for (let sent = 0; sent < 20; sent += 1) send(word);
    await turn();
    expect(settlements).toEqual([]);
    timers.pass(RELAY_MAX_MS);
    const end = way === "carried" ? "upstream_timeout" : "relay_deadline";
    expect(await settled).toMatchObject({ end, outcome: { kind: "as_reserved" } });
  });
});

describe("a caller who reads slowly, event by event", () => {
  it("is not taken for Azure's silence, and gets everything", async () => {
    const { answer, send, end, timers, settled } = relayed("event by event");
    const reader = answer.body?.getReader();
    send(word);
    send(usageChunk + done);
    end();
    let text = "";
    for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
      text += new TextDecoder().decode(part.value);
      timers.pass(3 * UPSTREAM_IDLE_MAX_MS);
    }
    expect(text).toBe(word + usageChunk + done);
    expect(await settled).toMatchObject({ end: "complete", outcome: used });
  });
});

describe.each(ways)("a caller who leaves (%s)", (way) => {
  it("by cancelling alone: the upstream is drained for its usage as well", async () => {
    const { answer, send, end, settled, settlements, timers } = relayed(way);
    send(word);
    const reader = answer.body?.getReader();
    await reader?.read();
    // Not awaited: a split stream has been left when both who read it have left.
    reader?.cancel();
    send(usageChunk + done);
    end();
    for (let looks = 0; settlements.length === 0; looks += 1) {
      expect(looks).toBeLessThan(10);
      await turn();
      timers.pass(LOOK_MS);
    }
    expect(await settled).toMatchObject({ outcome: used });
    expect(settlements).toHaveLength(1);
  });

  it("while an event is waited for: what comes then is drained, and no good end is made up", async () => {
    const { client, answer, send, end, settled } = relayed(way);
    const text = answer.text();
    send(word);
    await turn();
    client.abort();
    send(usageChunk + done);
    end();
    expect(await settled).toMatchObject({ end: "client_gone", outcome: used });
    await expect(text).rejects.toThrow();
  });

  it("is not waited for: the upstream is drained for its usage", async () => {
    const { client, send, end, settled } = relayed(way);
    send(word);
    client.abort();
    send(usageChunk + done);
    end();
    expect(await settled).toMatchObject({ end: "client_gone", outcome: used });
  });

  it("costs what was reserved when the usage never comes", async () => {
    const { client, send, timers, settled, settlements } = relayed(way);
    send(word);
    client.abort();
    timers.pass(DRAIN_MAX_MS);
    expect(await settled).toMatchObject({ end: "client_gone", outcome: { kind: "as_reserved" } });
    expect(settlements).toHaveLength(1);
  });
});
