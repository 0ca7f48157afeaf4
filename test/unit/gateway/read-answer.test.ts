// Headers came, then nothing: a whole answer is given up after the same silence as a stream, however it was declared.
import { describe, expect, it } from "vitest";
import { readAnswer } from "../../../src/gateway/read-answer.ts";
import { createUpstreamCutoff } from "../../../src/gateway/upstream-cutoff.ts";
import { UPSTREAM_IDLE_MAX_MS } from "../../../src/kernel/limits.ts";
import { createManualTimers, noRenewals } from "./gateway-fixture.ts";

const turn = () => new Promise((resolve) => setImmediate(resolve));

function answering(headers: Record<string, string>) {
  const timers = createManualTimers();
  const cutoff = createUpstreamCutoff(timers, new AbortController().signal, 600_000, noRenewals);
  cutoff.headersArrived();
  let source: ReadableStreamDefaultController<Uint8Array> | undefined;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      source = controller;
      cutoff.signal.addEventListener("abort", () => controller.error(new Error("aborted")));
    },
  });
  return {
    timers,
    cutoff,
    bytes: readAnswer(new Response(body, { headers }), cutoff),
    send: (text: string) => source?.enqueue(new TextEncoder().encode(text)),
    end: () => source?.close(),
    breakOff: () => source?.error(new Error("connection reset")),
  };
}

const declarations = [
  ["short", { "content-length": "7" }],
  ["long", { "content-length": "9000000" }],
  ["nothing", {}],
] as const;

describe.each(declarations)("a body declared as %s", (_name, headers) => {
  it("comes as it was sent", async () => {
    const { bytes, send, end } = answering(headers);
    send('{"a":');
    send("1}");
    end();
    expect(new TextDecoder().decode(await bytes)).toBe('{"a":1}');
  });

  it.each(["", '{"a":'])(
    "is given up when it stalls after %j, and not a millisecond earlier",
    async (part) => {
      const { bytes, send, timers, cutoff } = answering(headers);
      if (part) send(part);
      await turn();
      timers.pass(UPSTREAM_IDLE_MAX_MS - 1);
      expect(cutoff.signal.aborted).toBe(false);
      timers.pass(1);
      expect(await bytes).toBeUndefined();
      expect(cutoff.reason).toBe("upstream_timeout");
    },
  );

  it("is none when it breaks off", async () => {
    const { bytes, send, breakOff, cutoff } = answering(headers);
    send('{"a":');
    breakOff();
    expect(await bytes).toBeUndefined();
    expect(cutoff.reason).toBeNull();
  });
});

it("a body that goes on coming may take longer than any one silence", async () => {
  const { bytes, send, end, timers } = answering({});
  for (const part of ['{"a"', ":", "1", "}"]) {
    send(part);
    await turn();
    timers.pass(UPSTREAM_IDLE_MAX_MS - 1);
  }
  end();
  expect(new TextDecoder().decode(await bytes)).toBe('{"a":1}');
});

it("an answer without a body is empty", async () => {
  const cutoff = { chunkAwaited() {}, chunkArrived() {} };
  expect(await readAnswer(new Response(null), cutoff)).toEqual(new Uint8Array());
});
