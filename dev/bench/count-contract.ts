/** What the counting gateway has counted, and what it can be asked: the contract between it and the benchmark. */
import * as z from "zod";

const count = z.number().min(0);

/** Calls are RPCs and alarms: each is one billed request of a Durable Object. */
const Ledger = z.strictObject({ calls: count, rowsRead: count, rowsWritten: count });

export const Counts = z.strictObject({
  /** Of callers, to the gateway. */
  requests: count,
  agent: Ledger,
  /** The tenant's ledger. */
  tenant: Ledger,
  platform: Ledger,
  queue: z.strictObject({ messages: count, units64KB: count }),
  d1: z.strictObject({ rowsRead: count, rowsWritten: count }),
  kvReads: count,
});
export type Counts = z.infer<typeof Counts>;

/** What can be switched off, to see what it saves. */
export const Switches = z.strictObject({
  /** Off: a slice of a tenant-wide budget is exactly what waits for it, so every ask needs a hop. */
  slices: z.boolean(),
  /** Off: a busy ledger writes every step through, as a quiet one does. */
  chunks: z.boolean(),
});
export type Switches = z.infer<typeof Switches>;

export const LedgerLoad = z.strictObject({
  durationMs: z.number().positive().max(60_000),
  callers: z.int().min(1).max(256),
});
export type LedgerLoad = z.infer<typeof LedgerLoad>;

export const LedgerRate = z.strictObject({ pairsPerSecond: z.number() });
