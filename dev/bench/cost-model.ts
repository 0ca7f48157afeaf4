/**
 * What a million requests cost at Cloudflare's published prices, from what one request was counted to use. Pure. What is
 * included in the plan ($5 a month) is not taken off, and nothing is said of storage, logs and egress.
 */
import type { Counts } from "./count-contract.ts";

interface Price {
  readonly name: string;
  readonly usdPerMillion: number;
  /** Where the price stands, below developers.cloudflare.com. */
  readonly page: string;
}

/**
 * Durable Objects: the page as of cloudflare-docs commit 07e200b7. All others as third parties quoted the pages: Workers
 * and D1 read on 2026-08-03, Queues and KV as of 2026. Look them up before relying on them.
 */
export const prices = {
  workerRequests: { name: "Worker requests", usdPerMillion: 0.3, page: "workers/platform/pricing" },
  workerCpuMs: { name: "Worker CPU, ms", usdPerMillion: 0.02, page: "workers/platform/pricing" },
  ledgerRequests: { name: "ledger requests", usdPerMillion: 0.15, page: "durable-objects/platform/pricing" },
  ledgerGbSeconds: {
    name: "ledger duration, GB-s (estimated)",
    usdPerMillion: 12.5,
    page: "durable-objects/platform/pricing",
  },
  ledgerRowsRead: {
    name: "ledger rows read",
    usdPerMillion: 0.001,
    page: "durable-objects/platform/pricing",
  },
  ledgerRowsWritten: {
    name: "ledger rows written",
    usdPerMillion: 1,
    page: "durable-objects/platform/pricing",
  },
  queueOperations: { name: "queue operations", usdPerMillion: 0.4, page: "queues/platform/pricing" },
  d1RowsRead: { name: "D1 rows read", usdPerMillion: 0.001, page: "d1/platform/pricing" },
  d1RowsWritten: { name: "D1 rows written", usdPerMillion: 1, page: "d1/platform/pricing" },
  kvReads: { name: "KV reads", usdPerMillion: 0.5, page: "kv/platform/pricing" },
} as const satisfies Record<string, Price>;

export type BilledItem = keyof typeof prices;
export const billedItems = Object.keys(prices) as readonly BilledItem[];

/** Of one request. */
export type Use = Readonly<Record<BilledItem, number>>;

/** What a warm durable transaction takes when deployed (published measurement); a call that writes nothing takes less. */
const LEDGER_CALL_SECONDS = 0.016;
const LEDGER_GB = 0.128;
/** Each 64 KB of a message is written, read and deleted. */
const OPERATIONS_PER_UNIT = 3;

/** @param counts of one request. @param cpuMs of the whole local process, emulated stores included: more than is billed. */
export function useOf({ agent, tenant, platform, queue, d1, kvReads }: Counts, cpuMs: number): Use {
  const ledgers = [agent, tenant, platform];
  const sumOf = (name: keyof typeof agent): number => ledgers.reduce((sum, ledger) => sum + ledger[name], 0);
  const ledgerRequests = sumOf("calls");
  return {
    workerRequests: 1,
    workerCpuMs: cpuMs,
    ledgerRequests,
    ledgerGbSeconds: ledgerRequests * LEDGER_CALL_SECONDS * LEDGER_GB,
    ledgerRowsRead: sumOf("rowsRead"),
    ledgerRowsWritten: sumOf("rowsWritten"),
    queueOperations: queue.units64KB * OPERATIONS_PER_UNIT,
    d1RowsRead: d1.rowsRead,
    d1RowsWritten: d1.rowsWritten,
    kvReads,
  };
}

/** A million requests use a million times as much, and prices are by the million. */
export const usdPerMillionRequests = (use: Use, item: BilledItem): number =>
  use[item] * prices[item].usdPerMillion;

export const totalUsd = (use: Use): number =>
  billedItems.reduce((sum, item) => sum + usdPerMillionRequests(use, item), 0);
