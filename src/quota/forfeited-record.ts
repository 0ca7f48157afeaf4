/** The record of what a ledger lost when it was cut off while it charged ahead: charged, and used by nobody known. Pure. */
import type { EpochForfeitedRecord } from "../audit/audit-record.ts";
import { timestampOf } from "../kernel/timestamp.ts";
import type { AgentIdentity } from "./agent-standing.ts";
import type { RecordNumber } from "./contracts.ts";
import type { CounterRow } from "./counter-book.ts";
import type { SkippedNumbers } from "./record-numbers.ts";

/** A record must fit into a queue's message; the rest is a number. */
const MAX_COUNTERS = 50;

export function forfeitedRecord(
  { home, tenantId, agentId }: AgentIdentity,
  number: RecordNumber,
  rows: readonly CounterRow[],
  skipped: SkippedNumbers | null,
  nowMs: number,
): EpochForfeitedRecord {
  const ahead = rows.filter((row) => row.ahead > 0);
  return {
    v: 1,
    kind: "epoch_forfeited",
    source: number.source,
    n: number.n,
    skipped,
    at: timestampOf(nowMs),
    home,
    tenantId,
    // Nobody asked: the ledger itself found it when it started.
    requestId: `epoch/${number.n}`,
    agentId,
    counters: ahead
      .slice(0, MAX_COUNTERS)
      .map(({ counter, bucket, ahead: amount }) => ({ counter, bucket, amount })),
    more: Math.max(0, ahead.length - MAX_COUNTERS),
  };
}
