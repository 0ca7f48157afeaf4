import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { createRecordQueue } from "../../../src/audit/record-queue.store.ts";
import { homeStoresOf } from "../../../src/bindings.ts";
import { QUEUE_SEND_MAX_MS } from "../../../src/kernel/limits.ts";
import type { Home } from "../../../src/residency/home.ts";
import { decisionRecord } from "../../unit/audit/record-fixture.ts";

const never = () => new Promise<never>(() => {});
const record = decisionRecord();

const noTimer = () => () => {};
const atOnce = (_ms: number, fire: () => void) => {
  fire();
  return () => {};
};

/** The smallest queue: whatever `send` does. */
const queueThat = (send: (body: unknown) => Promise<unknown>) => ({
  send: async (body: unknown) => {
    await send(body);
    return { metadata: { metrics: { backlogCount: 0, backlogBytes: 0 } } };
  },
});

describe("the record queue", () => {
  it("sends the record to the queue of its home", async () => {
    const taken: [Home, unknown][] = [];
    const queueOf = (home: Home) => queueThat(async (body) => taken.push([home, body]));
    const queue = createRecordQueue({ queueOf, startTimer: noTimer });
    expect(await queue.send("eu", record)).toBe(true);
    expect(await queue.send("global", record)).toBe(true);
    expect(taken).toEqual([
      ["eu", record],
      ["global", record],
    ]);
  });

  it("is taken by the platform's own queue", async () => {
    const queue = createRecordQueue({
      queueOf: (home) => homeStoresOf(env, home).audit,
      startTimer: noTimer,
    });
    expect(await queue.send("eu", record)).toBe(true);
  });

  it("says false once the queue has had its time", async () => {
    const waited: number[] = [];
    const startTimer = (ms: number, fire: () => void) => {
      waited.push(ms);
      fire();
      return () => {};
    };
    const queue = createRecordQueue({ queueOf: () => queueThat(never), startTimer });
    expect(await queue.send("eu", record)).toBe(false);
    expect(waited).toEqual([QUEUE_SEND_MAX_MS]);
  });

  it("leaves no timer behind", async () => {
    let running = 0;
    const startTimer = () => {
      running += 1;
      return () => {
        running -= 1;
      };
    };
    const queue = createRecordQueue({ queueOf: () => queueThat(async () => {}), startTimer });
    expect(await queue.send("eu", record)).toBe(true);
    expect(running).toBe(0);
  });

  it.each<[string, () => Pick<Queue, "send">]>([
    ["rejects", () => queueThat(async () => Promise.reject(new Error("Too Many Requests")))],
    [
      "throws",
      () => ({
        send() {
          throw new Error("no such queue");
        },
      }),
    ],
    [
      "is not there",
      () => {
        throw new Error("no binding");
      },
    ],
  ])("says false when the queue %s", async (_name, queueOf) => {
    expect(await createRecordQueue({ queueOf, startTimer: noTimer }).send("eu", record)).toBe(false);
  });

  it("does not let a queue that fails late become an unhandled rejection", async () => {
    let failLate = (_error: Error) => {};
    const late = new Promise<never>((_resolve, reject) => {
      failLate = reject;
    });
    const queue = createRecordQueue({ queueOf: () => queueThat(() => late), startTimer: atOnce });
    expect(await queue.send("eu", record)).toBe(false);
    failLate(new Error("Internal Server Error"));
    await expect(late).rejects.toThrow();
  });
});

describe("a pack", () => {
  const large = (n: number) => decisionRecord({ n, resource: "x".repeat(60_000) });

  it("takes several records in one message", async () => {
    const taken: [Home, unknown][] = [];
    const queueOf = (home: Home) => queueThat(async (body) => taken.push([home, body]));
    const queue = createRecordQueue({ queueOf, startTimer: noTimer });
    const records = [record, decisionRecord({ n: 2 })];
    expect(await queue.sendPack("eu", records)).toBe(true);
    expect(taken).toEqual([["eu", { v: 1, records }]]);
  });

  it("is split into messages that the queue takes", async () => {
    const taken: unknown[] = [];
    const queueOf = () => queueThat(async (body) => taken.push(body));
    const queue = createRecordQueue({ queueOf, startTimer: noTimer });
    expect(await queue.sendPack("eu", [large(1), large(2), record])).toBe(true);
    expect(taken).toEqual([
      { v: 1, records: [large(1)] },
      { v: 1, records: [large(2), record] },
    ]);
  });

  it("of nothing asks no queue", async () => {
    const queue = createRecordQueue({ queueOf: () => queueThat(never), startTimer: atOnce });
    expect(await queue.sendPack("eu", [])).toBe(true);
  });

  it("is taken by the platform's own queue", async () => {
    const queue = createRecordQueue({
      queueOf: (home) => homeStoresOf(env, home).audit,
      startTimer: noTimer,
    });
    expect(await queue.sendPack("eu", [large(1), large(2)])).toBe(true);
  });

  it("is not taken unless all of it is", async () => {
    for (const refused of [0, 1, 2]) {
      let asked = 0;
      const queueOf = () =>
        queueThat(async () => {
          asked += 1;
          if (asked - 1 === refused) throw new Error("Too Many Requests");
        });
      const queue = createRecordQueue({ queueOf, startTimer: noTimer });
      expect(await queue.sendPack("eu", [large(1), large(2), large(3)])).toBe(false);
      expect(asked).toBe(3);
    }
  });

  it("is not taken once the queue has had its time, the same for all messages", async () => {
    const waited: number[] = [];
    const startTimer = (ms: number, fire: () => void) => {
      waited.push(ms);
      fire();
      return () => {};
    };
    const queue = createRecordQueue({ queueOf: () => queueThat(never), startTimer });
    expect(await queue.sendPack("eu", [large(1), large(2)])).toBe(false);
    expect(waited).toEqual([QUEUE_SEND_MAX_MS, QUEUE_SEND_MAX_MS]);
  });
});
