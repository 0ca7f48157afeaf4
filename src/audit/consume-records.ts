/**
 * The body of the queue handler: messages of one home's queue into that home's log. A message is acknowledged only
 * once its record is stored; what can never be stored is retried until the platform moves it to the dead-letter
 * queue, where an operator finds it. Nothing is dropped, and a repetition changes nothing.
 */
import type { Result } from "../kernel/result.ts";
import type { Home } from "../residency/home.ts";
import { AuditRecord } from "./audit-record.ts";

/** What is used of the platform's Message. */
export interface RecordMessage {
  readonly body: unknown;
  /** 1 on the first delivery. */
  readonly attempts: number;
  ack(): void;
  retry(options?: { readonly delaySeconds: number }): void;
}

export interface RecordBatch {
  readonly messages: readonly RecordMessage[];
}

export interface RecordLog {
  /** All or none. Refused when the log cannot be reached; a record that is already there stays as it is. */
  store(home: Home, records: readonly AuditRecord[]): Promise<Result<void>>;
}

/** For the operator's metrics. */
export interface ConsumedRecords {
  readonly stored: number;
  /** On their way to the dead-letter queue: no record, or the record of another home. */
  readonly unreadable: number;
  /** To be delivered again because the log could not be reached. */
  readonly postponed: number;
}

/** Ten attempts, doubled each time, outlast a database outage of more than an hour. */
const RETRY_FIRST_SECONDS = 5;
const RETRY_LONGEST_SECONDS = 3_600;

const retryDelaySeconds = (attempts: number): number =>
  Math.min(RETRY_FIRST_SECONDS * 2 ** Math.max(0, attempts - 1), RETRY_LONGEST_SECONDS);

export async function consumeRecords(
  batch: RecordBatch,
  home: Home,
  log: RecordLog,
): Promise<ConsumedRecords> {
  const records: AuditRecord[] = [];
  const readable: RecordMessage[] = [];
  for (const message of batch.messages) {
    const record = recordOf(message.body);
    // A record of another home must not come to rest here: that would break its tenant's residency promise.
    if (record === undefined || record.home !== home) {
      message.retry();
      continue;
    }
    records.push(record);
    readable.push(message);
  }
  const unreadable = batch.messages.length - readable.length;
  if (readable.length === 0) return { stored: 0, unreadable, postponed: 0 };
  const stored = await log.store(home, records);
  for (const message of readable) {
    if (stored.ok) message.ack();
    else message.retry({ delaySeconds: retryDelaySeconds(message.attempts) });
  }
  return stored.ok
    ? { stored: readable.length, unreadable, postponed: 0 }
    : { stored: 0, unreadable, postponed: readable.length };
}

/** A body nested deeply enough exhausts the parser's stack; that must not fail the messages beside it. */
function recordOf(body: unknown): AuditRecord | undefined {
  try {
    return AuditRecord.safeParse(body).data;
  } catch {
    return undefined;
  }
}
