/** Sends a kept record to the audit queue of its home. */
import type { AuditRecord } from "../audit/audit-record.ts";
import { type Env, homeStoresOf } from "../bindings.ts";
import { QUEUE_SEND_MAX_MS } from "../kernel/limits.ts";
import { withinTime } from "./call-ledger.store.ts";

/** Rejects when the queue did not take it in time; if it took it after all, the consumer stores it once. */
export async function sendRecord(env: Env, record: AuditRecord): Promise<void> {
  await withinTime(homeStoresOf(env, record.home).audit.send(record), QUEUE_SEND_MAX_MS);
}
