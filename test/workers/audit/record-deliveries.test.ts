// Whatever way records take through the queue, the table ends the same.
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { expect, it } from "vitest";
import { createAuditLog } from "../../../src/audit/audit-log.store.ts";
import type { AuditRecord } from "../../../src/audit/audit-record.ts";
import { consumeRecords, type RecordLog } from "../../../src/audit/consume-records.ts";
import { createRecordQueue } from "../../../src/audit/record-queue.store.ts";
import { refuse } from "../../../src/kernel/refusal.ts";
import { fail } from "../../../src/kernel/result.ts";
import { changeRecord, decisionRecord } from "../../unit/audit/record-fixture.ts";

const log = createAuditLog({ dbOf: () => env.EU_DB });

async function tableAfter(fill: () => Promise<unknown>): Promise<readonly unknown[]> {
  await env.EU_DB.prepare("DELETE FROM audit_records").run();
  await fill();
  const { results } = await env.EU_DB.prepare("SELECT * FROM audit_records ORDER BY source, n").all();
  return results;
}

/** The messages that the queue is given for these parts: a part of one travels bare or packed. */
async function messagesFor(parts: readonly (readonly AuditRecord[])[], bare: boolean): Promise<unknown[]> {
  const bodies: unknown[] = [];
  const send = async (body: unknown) => {
    bodies.push(JSON.parse(JSON.stringify(body)));
    return { metadata: { metrics: { backlogCount: 0, backlogBytes: 0 } } };
  };
  const queue = createRecordQueue({ queueOf: () => ({ send }), startTimer: () => () => {} });
  for (const part of parts) {
    const [first, ...others] = part;
    if (bare && first !== undefined && others.length === 0) await queue.send("eu", first);
    else await queue.sendPack("eu", part);
  }
  return bodies;
}

/** As the platform does: what is not acknowledged comes again, until it is, or ends in the dead-letter queue. */
async function deliver(bodies: readonly unknown[], batchSize: number, to: RecordLog): Promise<unknown[]> {
  let waiting = bodies.map((body) => ({ body, attempts: 1 }));
  const dead: unknown[] = [];
  while (waiting.length > 0) {
    const batch = waiting.slice(0, batchSize);
    waiting = waiting.slice(batchSize);
    const messages = batch.map(({ body, attempts }) => ({
      body,
      attempts,
      ack() {},
      retry() {
        if (attempts < 4) waiting.push({ body, attempts: attempts + 1 });
        else dead.push(body);
      },
    }));
    await consumeRecords({ messages }, "eu", to);
  }
  return dead;
}

/** Fails at these calls, counted from 0. */
const failingAt = (calls: readonly number[]): RecordLog => {
  let call = -1;
  return {
    async store(home, records) {
      call += 1;
      return calls.includes(call) ? fail(refuse("audit_unavailable")) : log.store(home, records);
    },
  };
};

const sources = ["agent/one", "agent/two", "control/tenant-a"];
const record = fc
  .record({
    source: fc.constantFrom(...sources),
    n: fc.integer({ min: 1, max: 20 }),
    text: fc.string({ unit: "binary" }),
  })
  .map(({ source, n, text }): AuditRecord => {
    return source === "control/tenant-a"
      ? changeRecord({ source, n, objectId: text })
      : decisionRecord({ source, n, resource: text, detail: { [text]: text } });
  });
const records = fc.uniqueArray(record, { maxLength: 30, selector: ({ source, n }) => `${source}#${n}` });
const bad = fc.constantFrom<unknown>("rubbish", { v: 2 }, decisionRecord({ n: 99, home: "global" }));

/** Cuts in any places, with parts of it sent again, in any order, and bad records among them. */
const way = fc.record({
  records,
  cuts: fc.array(fc.nat({ max: 30 }), { maxLength: 8 }),
  seed: fc.infiniteStream(fc.nat()),
  repeated: fc.nat({ max: 5 }),
  bare: fc.boolean(),
  spoilt: fc.array(bad, { maxLength: 2 }),
  batchSize: fc.integer({ min: 1, max: 10 }),
  failing: fc.uniqueArray(fc.nat({ max: 6 }), { maxLength: 2 }),
});

it("leaves the same table for any split, repetition, order, outage and bad neighbour", async () => {
  await fc.assert(
    fc.asyncProperty(way, async ({ seed, ...given }) => {
      const expected = await tableAfter(async () => {
        for (const each of given.records) await log.store("eu", [each]);
      });
      const draw = (below: number) => (seed.next().value ?? 0) % below;
      const cuts = [0, ...given.cuts.toSorted((a, b) => a - b), given.records.length];
      const parts = cuts.slice(1).map((end, index) => given.records.slice(cuts[index], end));
      for (let again = 0; again < given.repeated; again += 1) parts.push(parts[draw(parts.length)] ?? []);
      const bodies = await messagesFor(parts, given.bare);
      for (const spoiler of given.spoilt) {
        bodies.push({ v: 1, records: [...given.records.slice(draw(given.records.length + 1)), spoiler] });
      }
      const shuffled = bodies
        .map((body) => ({ body, at: draw(1_000_000) }))
        .toSorted((a, b) => a.at - b.at)
        .map(({ body }) => body);
      let dead: unknown[] = [];
      const actual = await tableAfter(async () => {
        dead = await deliver(shuffled, given.batchSize, failingAt(given.failing));
      });
      expect(actual).toEqual(expected);
      expect(actual).toHaveLength(given.records.length);
      expect(dead).toHaveLength(given.spoilt.length);
    }),
    { numRuns: 60 },
  );
});
