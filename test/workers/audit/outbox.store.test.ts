import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { createAuditLog } from "../../../src/audit/audit-log.store.ts";
import type { AuditRecord } from "../../../src/audit/audit-record.ts";
import { consumeRecords } from "../../../src/audit/consume-records.ts";
import {
  controlSource,
  deliverOutbox,
  outboxStatement,
  type UnnumberedRecord,
} from "../../../src/audit/outbox.store.ts";
import type { RecordQueue } from "../../../src/audit/record-delivery.ts";
import { DAY_MS } from "../../../src/kernel/clock.ts";
import { TenantId } from "../../../src/kernel/ids.ts";
import { timestampOf } from "../../../src/kernel/timestamp.ts";
import type { Home } from "../../../src/residency/home.ts";
import { changeRecord, identityOf } from "../../unit/audit/record-fixture.ts";
import { plansOf, watchedDatabase } from "./watched-database.ts";

const db = env.EU_DB;
const NOW = Date.parse("2026-05-01T12:00:00.000Z");
const SOURCE = controlSource(TenantId.parse("tenant-a"));

function unnumbered(changes: Parameters<typeof changeRecord>[0] = {}): UnnumberedRecord {
  const { source: _source, n: _n, ...record } = changeRecord(changes);
  return record;
}
const write = (source = SOURCE, changes = {}) => outboxStatement(db, source, unnumbered(changes)).run();

/** A queue that takes what `takes` says, and remembers what it was given. */
function memoryQueue(takes: (record: AuditRecord) => boolean | Promise<boolean> = () => true) {
  const offered: { home: Home; record: AuditRecord }[] = [];
  const queue: RecordQueue = {
    async send(home, record) {
      offered.push({ home, record });
      return takes(record);
    },
  };
  return { queue, offered, identities: () => offered.map(({ record }) => identityOf(record)) };
}
const deliver = (queue: RecordQueue, nowMs = NOW, home: Home = "eu") =>
  deliverOutbox({ db, queue, home, now: () => nowMs });
const delivered = (sent: number, kept: number) => ({ ok: true, value: { sent, kept } });

async function rows() {
  const { results } = await db
    .prepare("SELECT source, n, sent_at FROM outbox ORDER BY source, n")
    .all<{ source: string; n: number; sent_at: string | null }>();
  return results.map(({ source, n, sent_at }) => `${source}#${n} ${sent_at === null ? "unsent" : "sent"}`);
}

beforeEach(async () => {
  await db.batch([db.prepare("DELETE FROM outbox"), db.prepare("DELETE FROM audit_records")]);
});

describe("outboxStatement", () => {
  it("numbers each source from 1 without holes, also within one batch", async () => {
    await db.batch([outboxStatement(db, SOURCE, unnumbered()), outboxStatement(db, SOURCE, unnumbered())]);
    await write("control/platform");
    await write();
    expect(await rows()).toEqual([
      "control/platform#1 unsent",
      "control/tenant-a#1 unsent",
      "control/tenant-a#2 unsent",
      "control/tenant-a#3 unsent",
    ]);
  });

  it("gives concurrent writers different numbers", async () => {
    await Promise.all(Array.from({ length: 20 }, () => write()));
    expect(await rows()).toEqual(Array.from({ length: 20 }, (_, index) => `${SOURCE}#${index + 1} unsent`));
  });

  it("uses up no number in a batch that fails", async () => {
    const failing = db.prepare("INSERT INTO outbox (source, n, record) VALUES (NULL, 1, '')");
    await expect(db.batch([outboxStatement(db, SOURCE, unnumbered()), failing])).rejects.toThrow();
    await write();
    expect(await rows()).toEqual([`${SOURCE}#1 unsent`]);
  });

  it("does not take what the log would not take", () => {
    const leaky = { ...unnumbered(), secret: "x" };
    expect(() => outboxStatement(db, SOURCE, leaky)).toThrow();
    expect(() => outboxStatement(db, "", unnumbered())).toThrow();
  });
});

describe("deliverOutbox", () => {
  it("sends each record once, with its number, to its home", async () => {
    await write(SOURCE, { objectId: "first" });
    await write(SOURCE, { objectId: "second" });
    const { queue, offered } = memoryQueue();
    expect(await deliver(queue)).toEqual(delivered(2, 0));
    expect(await deliver(queue)).toEqual(delivered(0, 0));
    expect(offered).toEqual([
      { home: "eu", record: changeRecord({ source: SOURCE, n: 1, objectId: "first" }) },
      { home: "eu", record: changeRecord({ source: SOURCE, n: 2, objectId: "second" }) },
    ]);
  });

  it("keeps what the queue did not take, and sends it the next time", async () => {
    await write();
    await write();
    expect(await deliver(memoryQueue(({ n }) => n === 2).queue)).toEqual(delivered(1, 1));
    expect(await rows()).toEqual([`${SOURCE}#1 unsent`, `${SOURCE}#2 sent`]);
    const later = memoryQueue();
    expect(await deliver(later.queue)).toEqual(delivered(1, 0));
    expect(later.identities()).toEqual([`${SOURCE}#1`]);
  });

  it("gets past more rows than a batch holds, and past rows that cannot be sent", async () => {
    await db.batch(Array.from({ length: 120 }, () => outboxStatement(db, SOURCE, unnumbered())));
    await db.prepare("UPDATE outbox SET record = '{' WHERE n <= 60").run();
    const { queue, offered } = memoryQueue();
    expect(await deliver(queue)).toEqual(delivered(60, 60));
    expect(new Set(offered.map(({ record }) => record.n)).size).toBe(60);
  });

  it("sends no record to another home's queue", async () => {
    await write(SOURCE, { home: "global" });
    const { queue, offered } = memoryQueue();
    expect(await deliver(queue)).toEqual(delivered(0, 1));
    expect(offered).toEqual([]);
  });

  it("may run twice at once: the log holds each record once", async () => {
    await db.batch(Array.from({ length: 10 }, () => outboxStatement(db, SOURCE, unnumbered())));
    const { queue, offered } = memoryQueue();
    const runs = await Promise.all([deliver(queue), deliver(queue)]);
    expect(runs.every((run) => run.ok)).toBe(true);
    expect(offered.length).toBeGreaterThanOrEqual(10);
    const log = createAuditLog({ dbOf: () => db });
    const messages = offered.map(({ record }) => ({ body: record, attempts: 1, ack() {}, retry() {} }));
    await consumeRecords({ messages }, "eu", log);
    const page = await log.search("eu", { tenantId: TenantId.parse("tenant-a"), limit: 100 });
    expect(page.ok && page.value.items.map(({ n }) => n)).toEqual([10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
  });

  it("purges what was sent a day ago, but never a source's highest row", async () => {
    for (let count = 0; count < 3; count += 1) await write();
    await write("control/platform");
    const { queue } = memoryQueue();
    await deliver(queue, NOW);
    await deliver(queue, NOW + DAY_MS);
    expect(await rows()).toHaveLength(4);
    await deliver(queue, NOW + DAY_MS + 1);
    expect(await rows()).toEqual(["control/platform#1 sent", `${SOURCE}#3 sent`]);
    await write();
    await deliver(memoryQueue(() => false).queue, NOW + 10 * DAY_MS);
    expect(await rows()).toEqual(["control/platform#1 sent", `${SOURCE}#4 unsent`]);
  });

  it("never purges what was not sent, however old", async () => {
    await write();
    await write();
    const { queue } = memoryQueue(() => false);
    await deliver(queue, NOW + 100 * DAY_MS);
    expect(await rows()).toEqual([`${SOURCE}#1 unsent`, `${SOURCE}#2 unsent`]);
  });

  it("notes when a record was sent", async () => {
    await write();
    await deliver(memoryQueue().queue);
    expect(await db.prepare("SELECT sent_at FROM outbox").first("sent_at")).toBe(timestampOf(NOW));
  });

  it("refuses while the database cannot be asked", async () => {
    const down = new Proxy(db, {
      get() {
        throw new Error("D1_ERROR: overloaded");
      },
    });
    const { queue } = memoryQueue();
    expect(await deliverOutbox({ db: down, queue, home: "eu", now: () => NOW })).toMatchObject({
      ok: false,
      error: { code: "store_unavailable" },
    });
  });

  it("finds unsent rows and rows to mark by index", async () => {
    await write();
    const watched = watchedDatabase(db);
    await deliverOutbox({ db: watched.db, queue: memoryQueue().queue, home: "eu", now: () => NOW });
    const [unsent, mark] = await plansOf(db, watched.asked);
    expect(unsent).toMatch(/^SEARCH outbox USING INDEX outbox_unsent/);
    expect(mark).toMatch(/^SEARCH outbox USING PRIMARY KEY/);
    expect(`${unsent}${mark}`).not.toMatch(/SCAN|TEMP B-TREE/);
  });
});
