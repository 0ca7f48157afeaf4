/**
 * One `unauthenticated` record per minute and isolate, sent in the background by the next request of a later minute.
 * The queue's refusal keeps the record for the next request; one that is lost with its isolate, or dropped because the
 * queue stays away, leaves a gap in the source's numbers once it had one.
 */
import type { Clock } from "../kernel/clock.ts";
import { PLATFORM } from "../kernel/ids.ts";
import { MAX_UNSENT_COUNT_RECORDS } from "../kernel/limits.ts";
import type { RefusalCode } from "../kernel/refusal.ts";
import { timestampOf } from "../kernel/timestamp.ts";
import type { RecordNumber } from "../quota/contracts.ts";
import { PLATFORM_HOME } from "../residency/home.ts";
import type { UnauthenticatedRecord } from "./audit-record.ts";
import type { RecordQueue } from "./record-delivery.ts";
import { createUnauthenticatedCounts, type MinuteCounts } from "./unauthenticated-counts.ts";

export interface UnauthenticatedLog {
  readonly count: (code: RefusalCode) => void;
  /** Never waits: what is due is sent in the background. */
  readonly flush: () => void;
}

interface UnauthenticatedLogPorts {
  readonly clock: Clock;
  readonly workerNumber: () => RecordNumber;
  readonly requestId: () => string;
  readonly records: RecordQueue;
  readonly background: (work: Promise<unknown>) => void;
}

export function createUnauthenticatedLog(ports: UnauthenticatedLogPorts): UnauthenticatedLog {
  const minutes = createUnauthenticatedCounts(ports.clock);
  let unsent: readonly UnauthenticatedRecord[] = [];

  async function send(record: UnauthenticatedRecord): Promise<void> {
    const taken = await ports.records.send(record.home, record);
    if (!taken) unsent = [...unsent, record].slice(-MAX_UNSENT_COUNT_RECORDS);
  }

  return {
    count: minutes.add,
    flush() {
      const due = [...unsent, ...minutes.takeEnded().map((minute) => recordOf(minute, ports))];
      unsent = [];
      if (due.length > 0) ports.background(Promise.all(due.map(send)));
    },
  };
}

const recordOf = (
  { minute, counts }: MinuteCounts,
  { clock, workerNumber, requestId }: UnauthenticatedLogPorts,
): UnauthenticatedRecord => ({
  v: 1,
  kind: "unauthenticated",
  ...workerNumber(),
  skipped: null,
  at: timestampOf(clock()),
  home: PLATFORM_HOME,
  tenantId: PLATFORM,
  requestId: requestId(),
  minute,
  counts,
});
