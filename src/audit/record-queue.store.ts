/**
 * Records into the queue of their home. The queue has its own time limit, because `queue.send` was seen to hang for
 * a minute while a caller waits for the first byte; a record that is late counts as not taken, and may then arrive
 * twice, which (source, n) makes harmless.
 */
import type { StartTimer } from "../kernel/clock.ts";
import { QUEUE_SEND_MAX_MS } from "../kernel/limits.ts";
import { withinLimit } from "../kernel/within-limit.ts";
import type { Home } from "../residency/home.ts";
import type { RecordQueue } from "./record-delivery.ts";

interface RecordQueuePorts {
  readonly queueOf: (home: Home) => Pick<Queue, "send">;
  readonly startTimer: StartTimer;
}

export function createRecordQueue({ queueOf, startTimer }: RecordQueuePorts): RecordQueue {
  return {
    async send(home, record) {
      const taken = async () => queueOf(home).send(record, { contentType: "json" });
      try {
        await withinLimit(startTimer, QUEUE_SEND_MAX_MS, taken());
        return true;
      } catch {
        return false;
      }
    },
  };
}
