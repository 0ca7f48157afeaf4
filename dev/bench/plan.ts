/** How long and how often: the protocol's figures by default, a smoke test with `--quick`. */
import { parseArgs } from "node:util";
import type { StreamName } from "./traffic.ts";

export interface Plan {
  readonly rounds: number;
  /** V8 compiles what has run often: a gateway that is hardly warm needs twice the CPU time. */
  readonly warmUpMs: number;
  readonly saturationMs: number;
  readonly latencyMs: number;
  readonly streamsMs: number;
  readonly pacedMs: number;
  readonly burstMs: number;
  readonly slowStreams: number;
  readonly slowDeployment: StreamName;
  /** All of them are sent within this, which is less than they last. */
  readonly slowRampMs: number;
  readonly slowWarmUpMs: number;
  /** Memory says something only of processes that carried no other load; starting them takes seconds. */
  readonly slowInFreshProcesses: boolean;
  readonly stalledCallers: number;
  readonly stallMs: number;
  readonly breakdownRounds: number;
  readonly breakdownMs: number;
  /** Records are stored up to a second after the answer; they belong to the request that caused them. */
  readonly quietMs: number;
  /** For what is counted rather than timed, once the load has run for `rampMs`. */
  readonly countedMs: number;
  readonly rampMs: number;
  readonly countedRounds: number;
  readonly fleetAgents: number;
  /** Longer than a lease lasts, so that each call of a quiet agent needs one of its own. */
  readonly quietGapMs: number;
  readonly ledgerAloneMs: number;
  readonly scaleAgents: number;
  readonly microRounds: number;
  readonly microRepeats: number;
  /** Of the tenant whose snapshot is loaded and changed. */
  readonly policies: number;
  readonly snapshotLoads: number;
  /** Each waits until a lease has run out. */
  readonly busyWrites: number;
  readonly writeDocs: boolean;
}

const full: Omit<Plan, "writeDocs"> = {
  rounds: 3,
  warmUpMs: 4_000,
  saturationMs: 3_000,
  latencyMs: 4_000,
  streamsMs: 2_500,
  pacedMs: 3_500,
  burstMs: 1_500,
  slowStreams: 1_000,
  slowDeployment: "slow",
  slowRampMs: 6_000,
  slowWarmUpMs: 2_000,
  slowInFreshProcesses: true,
  stalledCallers: 16,
  stallMs: 3_000,
  breakdownRounds: 2,
  breakdownMs: 2_000,
  quietMs: 1_300,
  countedMs: 5_000,
  rampMs: 2_000,
  countedRounds: 2,
  fleetAgents: 100,
  quietGapMs: 3_500,
  ledgerAloneMs: 1_500,
  scaleAgents: 10_000,
  microRounds: 2_000,
  microRepeats: 9,
  policies: 100,
  snapshotLoads: 50,
  busyWrites: 3,
};

const quick: Omit<Plan, "writeDocs"> = {
  rounds: 1,
  warmUpMs: 50,
  saturationMs: 100,
  latencyMs: 200,
  streamsMs: 200,
  pacedMs: 600,
  burstMs: 150,
  slowStreams: 10,
  slowDeployment: "paced",
  slowRampMs: 100,
  slowWarmUpMs: 100,
  slowInFreshProcesses: false,
  stalledCallers: 1,
  stallMs: 100,
  breakdownRounds: 1,
  breakdownMs: 60,
  quietMs: 100,
  countedMs: 250,
  rampMs: 100,
  countedRounds: 1,
  fleetAgents: 5,
  // Records of the first call must be stored before the counting ends, and the queue keeps them for a second.
  quietGapMs: 600,
  ledgerAloneMs: 80,
  scaleAgents: 100,
  microRounds: 2_000,
  microRepeats: 1,
  policies: 3,
  snapshotLoads: 3,
  busyWrites: 1,
};

export function readPlan(args: readonly string[]): Plan {
  const options = { quick: { type: "boolean" }, "write-docs": { type: "boolean" } } as const;
  const { values } = parseArgs({ args: [...args], options });
  return { ...(values.quick ? quick : full), writeDocs: values["write-docs"] ?? false };
}
