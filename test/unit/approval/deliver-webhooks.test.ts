// When a webhook is tried again, and when no more; over a store in memory and a clock that the test moves.
import { expect, it } from "vitest";
import { deliverDueWebhooks, type WebhookPorts } from "../../../src/approval/deliver-webhooks.ts";
import type { Delivery, WebhookOutbox } from "../../../src/approval/webhook-outbox.ts";
import { ApprovalId, TenantId } from "../../../src/kernel/ids.ts";
import { WEBHOOK_MAX_ATTEMPTS, WEBHOOK_MAX_MS } from "../../../src/kernel/limits.ts";
import { ok } from "../../../src/kernel/result.ts";
import { capability } from "../policy/decide-fixture.ts";

const START = Date.UTC(2028, 2, 1, 12);
const DAY_MS = 86_400_000;

function newDelivery(changes: Partial<Delivery> = {}): Delivery {
  return {
    approval: {
      id: ApprovalId.parse(`approval_${"0".repeat(32)}`),
      tenantId: TenantId.parse("tenant-a"),
      agentId: capability.agentId,
      requestedAt: "2028-03-01T12:00:00.000Z",
      expiresAt: "2028-03-02T12:00:00.000Z",
    } as Delivery["approval"], // Nothing else of it is told.
    isPending: true,
    attempts: 0,
    url: "https://hooks.contoso.com/",
    nonce: "nonce",
    ...changes,
  };
}

function world(delivery: Delivery | null, answer: (signal: AbortSignal) => Promise<number>) {
  let row = delivery && { ...delivery, nextAtMs: START };
  let nowMs = START;
  const sentAtMs: number[] = [];
  const timers: { readonly ms: number; readonly fire: () => void }[] = [];
  const webhooks: WebhookOutbox = {
    dueOne: () => Promise.reject(new Error("not asked here")),
    due: async (_home, atMs) => ok(row && row.nextAtMs <= atMs ? [row] : []),
    async claim(_home, { attempts }, nextAtMs) {
      if (row?.attempts !== attempts) return ok(false);
      row = { ...row, attempts: attempts + 1, nextAtMs };
      return ok(true);
    },
    async done() {
      row = null;
      return ok(null);
    },
    purge: async () => ok(null),
  };
  const ports: WebhookPorts = {
    webhooks,
    calls: {
      async send(_url, _message, signal) {
        sentAtMs.push(nowMs);
        return answer(signal);
      },
    },
    secret: "the Worker's own secret",
    isLocal: false,
    clock: () => nowMs,
    startTimer(ms, fire) {
      timers.push({ ms, fire });
      return () => {};
    },
  };
  return {
    ports,
    timers,
    sentAtMs,
    left: () => row,
    /** The minute's schedule, for some days. */
    async run(days: number) {
      for (const endMs = nowMs + days * DAY_MS; nowMs < endMs; nowMs += 60_000)
        await deliverDueWebhooks(ports, "global");
    },
  };
}

it("is tried twice as late each time, and given up in the end", async () => {
  const { run, sentAtMs, left } = world(newDelivery(), async () => 503);
  await run(3);
  const minutes = sentAtMs.map((ms) => (ms - START) / 60_000);
  expect(minutes).toEqual(Array.from({ length: WEBHOOK_MAX_ATTEMPTS }, (_, index) => 2 ** index - 1));
  expect(left()).toBeNull();
});

it.each<[what: string, changes: Partial<Delivery>]>([
  ["decided, or has lapsed", { isPending: false }],
  ["used up its attempts", { attempts: WEBHOOK_MAX_ATTEMPTS }],
  ["is where no webhook may be", { url: "https://10.0.0.1/" }],
])("is dropped unsent where it %s", async (_what, changes) => {
  const { ports, sentAtMs, left } = world(newDelivery(changes), async () => 204);
  await deliverDueWebhooks(ports, "global");
  expect([sentAtMs, left()]).toEqual([[], null]);
});

it("is taken by any answer of success, and by no other", async () => {
  for (const [status, isTaken] of [
    [200, true],
    [204, true],
    [299, true],
    [199, false],
    [301, false],
    [400, false],
    [500, false],
  ] as const) {
    const { ports, left } = world(newDelivery(), async () => status);
    await deliverDueWebhooks(ports, "global");
    expect([status, left() === null]).toEqual([status, isTaken]);
  }
});

it("is cut off after its time, and that attempt has failed", async () => {
  const { ports, timers, left } = world(
    newDelivery(),
    (signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(new Error("cut off")));
        queueMicrotask(() => timers.find(({ ms }) => ms === WEBHOOK_MAX_MS)?.fire());
      }),
  );
  await deliverDueWebhooks(ports, "global");
  expect(left()?.attempts).toBe(1);
});

it("is not sent where nothing can sign it, and two that deliver at once send it once", async () => {
  const unsigned = world(newDelivery(), async () => 204);
  await deliverDueWebhooks({ ...unsigned.ports, secret: null }, "global");
  expect([unsigned.sentAtMs, unsigned.left()?.attempts]).toEqual([[], 0]);
  const twice = world(newDelivery(), async () => 503);
  await Promise.all([deliverDueWebhooks(twice.ports, "global"), deliverDueWebhooks(twice.ports, "global")]);
  expect(twice.sentAtMs).toHaveLength(1);
});
