/** An answer whose headers came and whose body does not: refused as too late, charged as reserved. */
import { expect, it } from "vitest";
import type { AuditRecord } from "../../../src/audit/audit-record.ts";
import { RENEW_EVERY_MS, UPSTREAM_IDLE_MAX_MS } from "../../../src/kernel/limits.ts";
import { backgroundDone, call, codeOf, newCaller, ports, scriptedAzure } from "./gateway-fixture.ts";

it("a JSON answer that stalls after its headers is a timeout, not a wait until the deadline", async () => {
  const caller = await newCaller();
  const taken: AuditRecord[] = [];
  let laterMs = 0;
  const timers = new Map<number, () => void>();
  const stalled = Promise.withResolvers<void>();
  const azure = scriptedAzure(({ signal }) => {
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        controller.enqueue(new TextEncoder().encode('{"id":'));
        signal.addEventListener("abort", () => controller.error(new Error("aborted")));
      },
      pull: () => stalled.resolve(),
    });
    return new Response(body, { headers: { "content-type": "application/json" } });
  });

  const answer = call(caller, {
    azure,
    records: { send: async (_home: unknown, record: AuditRecord) => taken.push(record) > 0 },
    clock: () => ports.clock() + laterMs,
    startTimer(ms, fire) {
      timers.set(ms, fire);
      return () => timers.delete(ms);
    },
  });
  await stalled.promise;
  // The first piece has been read: what remains until the next is waited for are microtasks.
  await new Promise((resolve) => setTimeout(resolve, 0));
  laterMs = UPSTREAM_IDLE_MAX_MS;
  timers.get(RENEW_EVERY_MS)?.();

  const response = await answer;
  expect([response.status, await codeOf(response)]).toEqual([504, "upstream_timeout"]);
  await backgroundDone();
  expect(taken.find(({ kind }) => kind === "completion")).toMatchObject({
    end: "upstream_timeout",
    upstreamStatus: 200,
    settlement: "as_reserved",
  });
  expect(timers.size).toBe(0);
});
