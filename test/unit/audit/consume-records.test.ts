import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AuditRecord } from "../../../src/audit/audit-record.ts";
import { consumeRecords, type RecordLog, type RecordMessage } from "../../../src/audit/consume-records.ts";
import { refuse } from "../../../src/kernel/refusal.ts";
import { fail, ok } from "../../../src/kernel/result.ts";
import { changeRecord, decisionRecord, identityOf } from "./record-fixture.ts";

type Fate = "waiting" | "acked" | "retried";

interface TestMessage extends RecordMessage {
  fate: Fate;
  delaySeconds: number | undefined;
}

/** As the platform does, the first call decides. */
function messageOf(body: unknown, attempts = 1): TestMessage {
  const message: TestMessage = {
    body,
    attempts,
    fate: "waiting",
    delaySeconds: undefined,
    ack: () => {
      if (message.fate === "waiting") message.fate = "acked";
    },
    retry: (options) => {
      if (message.fate === "waiting") {
        message.fate = "retried";
        message.delaySeconds = options?.delaySeconds;
      }
    },
  };
  return message;
}

/** A log that keeps each identity once, and remembers which messages were acked before it had stored. */
function memoryLog(up = true) {
  const stored = new Map<string, AuditRecord>();
  const calls: number[] = [];
  const log: RecordLog = {
    async store(_home, records) {
      calls.push(records.length);
      if (!up) return fail(refuse("audit_unavailable"));
      for (const record of records)
        if (!stored.has(identityOf(record))) stored.set(identityOf(record), record);
      return ok(undefined);
    },
  };
  return { log, stored, calls };
}

const packOf = (...records: readonly unknown[]) => ({ v: 1, records });

const recordsIn = (body: unknown): unknown[] =>
  typeof body === "object" && body !== null && "records" in body && Array.isArray(body.records)
    ? body.records
    : [body];

function tooDeep(): unknown {
  let value: unknown = 1;
  for (let depth = 0; depth < 100_000; depth += 1) value = [value];
  return { ...decisionRecord(), detail: { value } };
}

describe("consumeRecords", () => {
  it("stores all records in one go and acknowledges them", async () => {
    const { log, stored, calls } = memoryLog();
    const messages = [messageOf(decisionRecord()), messageOf(changeRecord())];
    expect(await consumeRecords({ messages }, "eu", log)).toEqual({ stored: 2, unreadable: 0, postponed: 0 });
    expect(messages.map((message) => message.fate)).toEqual(["acked", "acked"]);
    expect(calls).toEqual([2]);
    expect([...stored.values()]).toEqual([decisionRecord(), changeRecord()]);
  });

  it("acknowledges nothing before the log has stored it", async () => {
    const message = messageOf(decisionRecord());
    const seen: Fate[] = [];
    await consumeRecords({ messages: [message] }, "eu", {
      async store() {
        seen.push(message.fate);
        return ok(undefined);
      },
    });
    expect(seen).toEqual(["waiting"]);
    expect(message.fate).toBe("acked");
  });

  const unreadable: readonly [name: string, body: unknown][] = [
    ["nothing", undefined],
    ["text", JSON.stringify(decisionRecord())],
    ["a record with a field too many", { ...decisionRecord(), prompt: "secret" }],
    ["a record without its number", { ...decisionRecord(), n: undefined }],
    ["a record of another version", { ...decisionRecord(), v: 2 }],
    ["an unknown kind", { ...decisionRecord(), kind: "rumour" }],
    ["a record of another home", decisionRecord({ home: "global" })],
    ["a record too deep to parse", tooDeep()],
  ];
  it.each(unreadable)("retries %s, and stores the record beside it", async (_name, body) => {
    const { log, stored } = memoryLog();
    const messages = [messageOf(body), messageOf(decisionRecord())];
    expect(await consumeRecords({ messages }, "eu", log)).toEqual({ stored: 1, unreadable: 1, postponed: 0 });
    expect(messages.map((message) => message.fate)).toEqual(["retried", "acked"]);
    expect(stored.size).toBe(1);
  });

  it("stores what a pack carries together with the records beside it", async () => {
    const { log, stored, calls } = memoryLog();
    const messages = [
      messageOf(packOf(decisionRecord(), changeRecord())),
      messageOf(decisionRecord({ n: 2 })),
    ];
    expect(await consumeRecords({ messages }, "eu", log)).toEqual({ stored: 2, unreadable: 0, postponed: 0 });
    expect(messages.map((message) => message.fate)).toEqual(["acked", "acked"]);
    expect(calls).toEqual([3]);
    expect([...stored.values()]).toEqual([decisionRecord(), changeRecord(), decisionRecord({ n: 2 })]);
  });

  it.each(unreadable)("retries a pack with %s in it, and stores the rest of it", async (_name, body) => {
    const { log, stored } = memoryLog();
    const message = messageOf(packOf(decisionRecord(), body, changeRecord()));
    expect(await consumeRecords({ messages: [message] }, "eu", log)).toEqual({
      stored: 0,
      unreadable: 1,
      postponed: 0,
    });
    expect(message).toMatchObject({ fate: "retried", delaySeconds: undefined });
    expect([...stored.values()]).toEqual([decisionRecord(), changeRecord()]);
  });

  it("keeps the good records of such a pack for as long as the log cannot be reached", async () => {
    const message = messageOf(packOf(decisionRecord(), "rubbish"), 10);
    expect(await consumeRecords({ messages: [message] }, "eu", memoryLog(false).log)).toEqual({
      stored: 0,
      unreadable: 0,
      postponed: 1,
    });
    expect(message).toMatchObject({ fate: "retried", delaySeconds: 2_560 });
  });

  it.each<[name: string, body: unknown]>([
    ["without records", packOf()],
    ["of 51", packOf(...Array.from({ length: 51 }, (_, index) => decisionRecord({ n: index + 1 })))],
    ["of another version", { ...packOf(decisionRecord()), v: 2 }],
    ["with a field too many", { ...packOf(decisionRecord()), home: "eu" }],
    ["whose records are no list", { v: 1, records: decisionRecord() }],
    ["of packs", packOf(packOf(decisionRecord()))],
  ])("retries a pack %s, and stores nothing of it", async (_name, body) => {
    const { log, calls } = memoryLog();
    const message = messageOf(body);
    await consumeRecords({ messages: [message] }, "eu", log);
    expect(message.fate).toBe("retried");
    expect(calls).toEqual([]);
  });

  it("does not ask the log for a batch without records", async () => {
    const { log, calls } = memoryLog();
    await consumeRecords({ messages: [messageOf(1)] }, "eu", log);
    await consumeRecords({ messages: [] }, "eu", log);
    expect(calls).toEqual([]);
  });

  it("retries everything while the log cannot be reached, later each time", async () => {
    const { log } = memoryLog(false);
    const messages = [1, 2, 10, 50].map((attempts) => messageOf(decisionRecord({ n: attempts }), attempts));
    expect(await consumeRecords({ messages }, "eu", log)).toEqual({ stored: 0, unreadable: 0, postponed: 4 });
    expect(messages.map((message) => message.fate)).toEqual(Array(4).fill("retried"));
    expect(messages.map((message) => message.delaySeconds)).toEqual([5, 10, 2_560, 3_600]);
  });

  it("gives each message exactly one fate, and acknowledges only what is stored", async () => {
    const one = fc.oneof(
      fc.nat({ max: 5 }).map((n) => decisionRecord({ n: n + 1 })),
      fc.nat({ max: 5 }).map((n) => changeRecord({ n: n + 1, home: "global" })),
      fc.anything(),
    );
    const body = fc.oneof(
      one,
      fc.array(one, { maxLength: 5 }).map((records) => packOf(...records)),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(body, { maxLength: 20 }), fc.boolean(), async (bodies, up) => {
        const { log, stored } = memoryLog(up);
        const messages = bodies.map((each) => messageOf(each));
        const counts = await consumeRecords({ messages }, "eu", log);
        const fates = messages.map((message) => message.fate);
        expect(fates).not.toContain("waiting");
        expect(counts.stored + counts.unreadable + counts.postponed).toBe(messages.length);
        expect(fates.filter((fate) => fate === "acked")).toHaveLength(counts.stored);
        for (const record of stored.values()) expect(record.home).toBe("eu");
        for (const { body: carried, fate } of messages) {
          if (fate === "acked")
            expect([...stored.values()]).toEqual(expect.arrayContaining(recordsIn(carried)));
        }
        if (!up) expect(fates).not.toContain("acked");
      }),
    );
  });
});
