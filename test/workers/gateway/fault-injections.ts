// How each part is made ill in each way: which binding, which client, which wait that ends at once.
import { env } from "cloudflare:workers";
import type { AzureCalls } from "../../../src/azure/azure-calls.ts";
import { configOf, type Env } from "../../../src/bindings.ts";
import type { StartTimer } from "../../../src/kernel/clock.ts";
import {
  D1_READ_MAX_MS,
  KV_MAX_MS,
  QUEUE_SEND_MAX_MS,
  UPSTREAM_HEADERS_MAX_MS,
  UPSTREAM_IDLE_MAX_MS,
} from "../../../src/kernel/limits.ts";
import type { FaultRow } from "./fault-rows.ts";
import {
  always,
  azureFaults,
  type Ill,
  illD1,
  illKv,
  illQueue,
  type LedgerMethod,
  ledgerFaults,
  ledgersThat,
  passed,
  streamFaults,
} from "./faulty-parts.ts";

export interface Fault {
  readonly bindings?: Partial<Env>;
  readonly azure?: AzureCalls["send"];
  readonly startTimer?: StartTimer;
  /** Methods that run under the shortened time limit. */
  readonly short?: readonly LedgerMethod[];
  readonly stream?: boolean;
  readonly enforce?: boolean;
}

const isIll = (fault: string): fault is Ill => ["unreachable", "error", "slow", "garbage"].includes(fault);
const illIn = (fault: string, make: (ill: Ill) => Partial<Env>): Partial<Env> => {
  if (!isIll(fault)) throw new Error(`No such fault: ${fault}`);
  return make(fault);
};
export const named = <T>(table: Readonly<Record<string, T>>, name: string): T => {
  const found = table[name];
  if (found === undefined) throw new Error(`No such fault: ${name}`);
  return found;
};
const allMethods = ["reserve", "confirm", "settle", "keepRecord"] as const;
const illLedger = (fault: string, methods: readonly LedgerMethod[]): Fault => ({
  bindings: ledgersThat(Object.fromEntries(methods.map((method) => [method, named(ledgerFaults, fault)]))),
  short: fault === "slow" || fault === "answer lost" ? methods : [],
});

export const neverEnds = () => new Promise<never>(() => {});
export const noTimer: StartTimer = () => () => {};
const slow = (fault: string, startTimer: StartTimer) => (fault === "slow" ? startTimer : noTimer);
/** A timer of its own for each call. */
const cutoffs: Readonly<Record<string, () => StartTimer>> = {
  slow: () => passed(UPSTREAM_HEADERS_MAX_MS),
  "slow body": () => passed(configOf(env).relayMaxMs),
  "silent in between": () => passed(UPSTREAM_IDLE_MAX_MS, 2),
  "silent after usage": () => passed(UPSTREAM_IDLE_MAX_MS, 2),
};

export const injections: Record<FaultRow["part"], (fault: string) => Fault> = {
  D1: (fault) => ({ bindings: illIn(fault, illD1), startTimer: slow(fault, always(D1_READ_MAX_MS)) }),
  "D1, API key of /v1/enforce": (fault) => ({
    bindings: illIn(fault, illD1),
    startTimer: slow(fault, always(D1_READ_MAX_MS)),
    enforce: true,
  }),
  KV: (fault) => ({ bindings: illIn(fault, illKv), startTimer: slow(fault, always(KV_MAX_MS)) }),
  "ledger, before Azure": (fault) => illLedger(fault, allMethods),
  "ledger, settling": (fault) => illLedger(fault, ["settle"]),
  queue: (fault) => ({
    bindings: fault === "garbage" ? {} : illIn(fault, illQueue),
    startTimer: slow(fault, always(QUEUE_SEND_MAX_MS)),
  }),
  "queue and ledger": (fault) => ({
    bindings: { ...illIn(fault, illQueue), ...ledgersThat({ keepRecord: named(ledgerFaults, fault) }) },
  }),
  Azure: (fault) => ({ azure: named(azureFaults, fault), startTimer: cutoffs[fault]?.() ?? noTimer }),
  "Azure, streaming": (fault) => ({
    azure: named(streamFaults, fault),
    startTimer: cutoffs[fault]?.() ?? noTimer,
    stream: true,
  }),
};
