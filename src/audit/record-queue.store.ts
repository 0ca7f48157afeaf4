/**
 * Records into the queue of their home. The queue has its own time limit, because `queue.send` was seen to hang for
 * a minute while a caller waits for the first byte; a record that is late counts as not taken, and may then arrive
 * twice, which (source, n) makes harmless.
 */
import type { Wait } from "../kernel/clock.ts";
import { QUEUE_SEND_MAX_MS } from "../kernel/limits.ts";
import type { Home } from "../residency/home.ts";
import type { RecordQueue } from "./record-delivery.ts";

interface RecordQueuePorts {
  readonly queueOf: (home: Home) => Pick<Queue, "send">;
  readonly wait: Wait;
}

export function createRecordQueue({ queueOf, wait }: RecordQueuePorts): RecordQueue {
  return {
    async send(home, record) {
      const taken = async () => {
        await queueOf(home).send(record, { contentType: "json" });
        return true;
      };
      const late = async () => {
        await wait(QUEUE_SEND_MAX_MS);
        return false;
      };
      try {
        return await Promise.race([taken(), late()]);
      } catch {
        return false;
      }
    },
  };
}
