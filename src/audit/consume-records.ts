/**
 * The body of the queue handler: messages of one home's queue, each a record or a pack of records, into that home's
 * log. A message is acknowledged only once all it carries is stored; one with anything that can never be stored is
 * retried until the platform moves it to the dead-letter queue, where an operator finds it. Nothing is dropped, and a
 * repetition changes nothing.
 */
import type { Result } from "../kernel/result.ts";
import type { Home } from "../residency/home.ts";
import { AuditRecord } from "./audit-record.ts";
import { RecordPack } from "./record-pack.ts";

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

/** Counts of messages, for the operator's metrics. */
export interface ConsumedRecords {
  readonly stored: number;
  /** On their way to the dead-letter queue: with something that is no record, or the record of another home. */
  readonly unreadable: number;
  /** To be delivered again because the log could not be reached. */
  readonly postponed: number;
}

/** Ten attempts, doubled each time, outlast a database outage of more than an hour. */
const RETRY_FIRST_SECONDS = 5;
const RETRY_LONGEST_SECONDS = 3_600;

const retryDelaySeconds = (attempts: number): number =>
  Math.min(RETRY_FIRST_SECONDS * 2 ** Math.max(0, attempts - 1), RETRY_LONGEST_SECONDS);

interface Content {
  /** What can be stored. */
  readonly records: readonly AuditRecord[];
  /** The message carries nothing else. */
  readonly whole: boolean;
}

export async function consumeRecords(
  batch: RecordBatch,
  home: Home,
  log: RecordLog,
): Promise<ConsumedRecords> {
  const contents = batch.messages.map((message) => ({ message, ...contentOf(message.body, home) }));
  const records = contents.flatMap((content) => content.records);
  const reached = records.length === 0 || (await log.store(home, records)).ok;
  const counts = { stored: 0, unreadable: 0, postponed: 0 };
  for (const { message, ...content } of contents) {
    const fate = fateOf(content, reached);
    counts[fate] += 1;
    answer[fate](message);
  }
  return counts;
}

/** A message that waits for the log is not unreadable yet: its good records must outlast the log's outage with it. */
function fateOf({ records, whole }: Content, reached: boolean): keyof ConsumedRecords {
  if (!reached && records.length > 0) return "postponed";
  return whole ? "stored" : "unreadable";
}

const answer: Readonly<Record<keyof ConsumedRecords, (message: RecordMessage) => void>> = {
  stored: (message) => message.ack(),
  unreadable: (message) => message.retry(),
  postponed: (message) => message.retry({ delaySeconds: retryDelaySeconds(message.attempts) }),
};

/** A record of another home must not come to rest here: that would break its tenant's residency promise. */
function contentOf(body: unknown, home: Home): Content {
  const bodies = bodiesOf(body);
  const records = bodies.map(recordOf).flatMap((record) => (record?.home === home ? [record] : []));
  return { records, whole: bodies.length > 0 && records.length === bodies.length };
}

/** No record has a field `records`. A pack that is none carries nothing. */
function bodiesOf(body: unknown): readonly unknown[] {
  if (typeof body !== "object" || body === null || !("records" in body)) return [body];
  return RecordPack.safeParse(body).data?.records ?? [];
}

/** A body nested deeply enough exhausts the parser's stack; that must not fail the records beside it. */
function recordOf(body: unknown): AuditRecord | undefined {
  try {
    return AuditRecord.safeParse(body).data;
  } catch {
    return undefined;
  }
}
