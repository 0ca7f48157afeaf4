/**
 * Records into the queue of their home. The queue has its own time limit, because `queue.send` was seen to hang for
 * a minute while a caller waits for the first byte; a record that is late counts as not taken, and may then arrive
 * twice, which (source, n) makes harmless.
 */
import type { StartTimer } from "../kernel/clock.ts";
import { QUEUE_SEND_MAX_MS } from "../kernel/limits.ts";
import { withinLimit } from "../kernel/within-limit.ts";
import type { Home } from "../residency/home.ts";
import type { AuditRecord } from "./audit-record.ts";
import type { RecordPackQueue, RecordQueue } from "./record-delivery.ts";
import { packRecords, type RecordPack } from "./record-pack.ts";

interface RecordQueuePorts {
  readonly queueOf: (home: Home) => Pick<Queue, "send">;
  readonly startTimer: StartTimer;
}

export function createRecordQueue({ queueOf, startTimer }: RecordQueuePorts): RecordQueue & RecordPackQueue {
  async function offer(home: Home, body: AuditRecord | RecordPack): Promise<boolean> {
    const taken = async () => queueOf(home).send(body, { contentType: "json" });
    try {
      await withinLimit(startTimer, QUEUE_SEND_MAX_MS, taken());
      return true;
    } catch {
      return false;
    }
  }

  return {
    send: offer,
    async sendPack(home, records) {
      const packs = packRecords(records);
      const taken = await Promise.all(packs.map((pack) => offer(home, { v: 1, records: pack })));
      return taken.every(Boolean);
    },
  };
}
