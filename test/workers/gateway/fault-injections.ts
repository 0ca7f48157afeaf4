// How each part is made ill in each way: which binding, which client, which wait that ends at once.
import type { AzureCalls } from "../../../src/azure/azure-calls.ts";
import type { Env } from "../../../src/bindings.ts";
import type { Clock, StartTimer } from "../../../src/kernel/clock.ts";
import { D1_READ_MAX_MS, DRAIN_MAX_MS, KV_MAX_MS, QUEUE_SEND_MAX_MS } from "../../../src/kernel/limits.ts";
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
  streamFaults,
  wholeAnswer,
  wholeStream,
} from "./faulty-parts.ts";

export interface Fault {
  readonly bindings?: Partial<Env>;
  readonly azure?: AzureCalls["send"];
  readonly startTimer?: StartTimer;
  readonly clock?: Clock;
  /** The ledger's time is not in a hurry: what is renewed is renewed at once. */
  readonly renewsAtOnce?: boolean;
  /** Methods that run under the shortened time limit. */
  readonly short?: readonly LedgerMethod[];
  readonly stream?: boolean;
  /** The deployment that is asked; the one with a single backend unless said otherwise. */
  readonly deployment?: string;
  /** The plane that is asked; the data plane unless said otherwise. */
  readonly plane?: "enforce" | "control";
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
const allMethods = ["reserve", "confirm", "renew", "settle", "keepRecord"] as const;
const illLedger = (fault: string, methods: readonly LedgerMethod[]): Fault => ({
  bindings: ledgersThat(Object.fromEntries(methods.map((method) => [method, named(ledgerFaults, fault)]))),
  short: fault === "slow" || fault === "answer lost" ? methods : [],
});

export const neverEnds = () => new Promise<never>(() => {});
export const noTimer: StartTimer = () => () => {};
const slow = (fault: string, startTimer: StartTimer) => (fault === "slow" ? startTimer : noTimer);
/** Azure's time in a hurry: each wait for it is over soon, and by the clock took as long as it was to take. */
function hurried(): Pick<Fault, "startTimer" | "clock"> {
  let nowMs = Date.now();
  return {
    clock: () => nowMs,
    startTimer(ms, fire) {
      // Stores are waited for less long, and here without end.
      if (ms <= DRAIN_MAX_MS) return () => {};
      const timer = setTimeout(() => {
        nowMs += ms;
        fire();
      }, HURRIED_WAIT_MS);
      return () => clearTimeout(timer);
    },
  };
}
/** Long enough for what Azure does send to arrive. */
const HURRIED_WAIT_MS = 30;
const withoutEnd = new Set(["slow", "slow body", "silent in between", "silent after usage"]);
const timeAtAzure = (fault: string) =>
  withoutEnd.has(fault) ? { ...hurried(), renewsAtOnce: true } : { startTimer: noTimer };

/** Azure at one of a deployment's two backends; the other one is well. */
export const TWO_BACKENDS = { name: "two", hosts: ["first.test", "second.test"] } as const;
const atFirst =
  (ill: AzureCalls["send"], well: AzureCalls["send"]): AzureCalls["send"] =>
  (request) =>
    (new URL(request.url).host === TWO_BACKENDS.hosts[0] ? ill : well)(request);

export const injections: Record<FaultRow["part"], (fault: string) => Fault> = {
  D1: (fault) => ({ bindings: illIn(fault, illD1), startTimer: slow(fault, always(D1_READ_MAX_MS)) }),
  "D1, API key of /v1/enforce": (fault) => ({
    bindings: illIn(fault, illD1),
    startTimer: slow(fault, always(D1_READ_MAX_MS)),
    plane: "enforce",
  }),
  "D1, API key of the control plane": (fault) => ({
    bindings: illIn(fault, illD1),
    startTimer: slow(fault, always(D1_READ_MAX_MS)),
    plane: "control",
  }),
  KV: (fault) => ({ bindings: illIn(fault, illKv), startTimer: slow(fault, always(KV_MAX_MS)) }),
  "ledger, before Azure": (fault) => illLedger(fault, allMethods),
  "ledger, renewing": (fault) => ({
    ...illLedger(fault, ["renew"]),
    ...hurried(),
    azure: named(azureFaults, "slow"),
  }),
  "ledger, settling": (fault) => illLedger(fault, ["settle"]),
  queue: (fault) => ({
    bindings: fault === "garbage" ? {} : illIn(fault, illQueue),
    startTimer: slow(fault, always(QUEUE_SEND_MAX_MS)),
  }),
  "queue and ledger": (fault) => ({
    bindings: { ...illIn(fault, illQueue), ...ledgersThat({ keepRecord: named(ledgerFaults, fault) }) },
  }),
  Azure: (fault) => ({ azure: named(azureFaults, fault), ...timeAtAzure(fault) }),
  "Azure, streaming": (fault) => ({
    azure: named(streamFaults, fault),
    ...timeAtAzure(fault),
    stream: true,
  }),
  "Azure, first of two": (fault) => ({
    azure: atFirst(named(azureFaults, fault), wholeAnswer),
    ...timeAtAzure(fault),
    deployment: TWO_BACKENDS.name,
  }),
  "Azure, first of two, streaming": (fault) => ({
    azure: atFirst(named(streamFaults, fault), wholeStream),
    ...timeAtAzure(fault),
    stream: true,
    deployment: TWO_BACKENDS.name,
  }),
  "Azure, both": (fault) => ({
    azure: named(azureFaults, fault),
    ...timeAtAzure(fault),
    deployment: TWO_BACKENDS.name,
  }),
};
