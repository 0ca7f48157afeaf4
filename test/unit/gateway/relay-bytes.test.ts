// Sound never ends silently: what broke off with Azure breaks off for the caller, and every call is settled once.
import { describe, expect, it } from "vitest";
import { operations } from "../../../src/azure/operation.ts";
import { relayBytes } from "../../../src/gateway/relay-bytes.ts";
import type { CutByLedger } from "../../../src/gateway/renewals.ts";
import type { CallEnd } from "../../../src/gateway/settle-call.ts";
import { createUpstreamCutoff } from "../../../src/gateway/upstream-cutoff.ts";
import type { JsonObject } from "../../../src/kernel/json.ts";
import { UPSTREAM_IDLE_MAX_MS } from "../../../src/kernel/limits.ts";
import { refuse } from "../../../src/kernel/refusal.ts";
import { allowedWith, createManualTimers, noRenewals, question } from "./gateway-fixture.ts";

function relayed(body: JsonObject = {}) {
  const timers = createManualTimers();
  const client = new AbortController();
  let cut: CutByLedger = () => {};
  const cutoff = createUpstreamCutoff(timers, client.signal, 600_000, (givenCut) => {
    cut = givenCut;
    return noRenewals();
  });
  cutoff.headersArrived();
  let source: ReadableStreamDefaultController<Uint8Array> | undefined;
  const sound = new ReadableStream<Uint8Array>({
    start(controller) {
      source = controller;
      cutoff.signal.addEventListener("abort", () => controller.error(new Error("aborted")));
    },
  });
  const settlements: CallEnd[] = [];
  const settled = Promise.withResolvers<CallEnd["end"]>();
  const answer = relayBytes(
    { background: (work) => void work.catch(settled.reject) },
    {
      question,
      allowed: allowedWith({}),
      operation: operations["audio/speech"],
      body,
      parts: null,
      isStripped: false,
      wantsUsage: false,
      answer: "bytes",
      apiVersion: null,
      headers: new Headers(),
      client: client.signal,
    },
    new Response(null, { status: 200, headers: { "content-type": "audio/mpeg", "x-aml-cluster": "c" } }),
    sound,
    cutoff,
    async (end) => {
      settlements.push(end);
      settled.resolve(end.end);
    },
  );
  return {
    answer,
    client,
    timers,
    cutoff,
    settlements,
    settled: settled.promise,
    cut: (...why: Parameters<CutByLedger>) => cut(...why),
    send: (...bytes: number[]) => source?.enqueue(Uint8Array.from(bytes)),
    end: () => source?.close(),
    breakOff: () => source?.error(new Error("connection reset")),
  };
}

describe("sound", () => {
  it("passes byte for byte, is over when Azure's is, and reports nothing", async () => {
    const { answer, send, end, settled, settlements } = relayed();
    send(0xff, 0, 1);
    send(2);
    end();
    expect([...new Uint8Array(await answer.arrayBuffer())]).toEqual([0xff, 0, 1, 2]);
    expect(await settled).toBe("complete");
    expect(settlements).toEqual([{ end: "complete", upstreamStatus: 200, outcome: { kind: "as_reserved" } }]);
    expect(answer.headers.get("content-type")).toBe("audio/mpeg");
    expect(answer.headers.get("x-aml-cluster")).toBeNull();
  });

  it("that came whole is as many characters as were sent; what became of them otherwise, nobody knows", async () => {
    const whole = relayed({ input: "Hello" });
    whole.end();
    await whole.answer.arrayBuffer();
    await whole.settled;
    expect(whole.settlements).toMatchObject([{ outcome: { kind: "as_reserved", units: 5 } }]);
    const broken = relayed({ input: "Hello" });
    broken.breakOff();
    await expect(broken.answer.arrayBuffer()).rejects.toThrow("broke off");
    await broken.settled;
    expect(broken.settlements).toMatchObject([{ outcome: { kind: "as_reserved" } }]);
    expect(broken.settlements[0]?.outcome).not.toHaveProperty("units");
  });

  it("is not held until it is whole", async () => {
    const { answer, send } = relayed();
    send(1, 2);
    expect((await answer.body?.getReader().read())?.value).toEqual(Uint8Array.from([1, 2]));
  });

  it("that breaks off breaks off for the caller as well", async () => {
    const { answer, send, breakOff, settled } = relayed();
    const reader = answer.body?.getReader();
    send(1);
    expect((await reader?.read())?.done).toBe(false);
    breakOff();
    await expect(reader?.read()).rejects.toThrow("broke off");
    expect(await settled).toBe("upstream_broken");
  });

  it("that falls silent is given up, and is no whole answer", async () => {
    const { answer, send, timers, settled } = relayed();
    const reader = answer.body?.getReader();
    send(1);
    await reader?.read();
    const next = reader?.read();
    await new Promise((resolve) => setImmediate(resolve));
    timers.pass(UPSTREAM_IDLE_MAX_MS);
    await expect(next).rejects.toThrow("broke off");
    expect(await settled).toBe("upstream_timeout");
  });

  it("ends when the agent may not go on, whether the caller reads or not", async () => {
    const { answer, send, cut, settled, cutoff } = relayed();
    send(1, 2, 3);
    cut("revoked", refuse("token_revoked"));
    expect(await settled).toBe("revoked");
    expect(cutoff.signal.aborted).toBe(true);
    await expect(answer.arrayBuffer()).rejects.toThrow("broke off");
  });

  it.each(["cancels", "goes away"])("is not listened to any longer when the caller %s", async (how) => {
    const { answer, send, client, settled, settlements, cutoff } = relayed();
    send(1);
    if (how === "cancels") await answer.body?.cancel();
    else client.abort();
    expect(await settled).toBe("client_gone");
    expect(cutoff.signal.aborted).toBe(true);
    expect(settlements).toHaveLength(1);
  });
});
