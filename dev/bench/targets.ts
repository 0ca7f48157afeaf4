/** What is loaded: the mock upstream itself, or a Worker before it: one that checks nothing, or the gateway on one of two kinds of store. */
import type { Child } from "./child.ts";
import { type Arrival, JobResult } from "./load/job.ts";
import { cpuMs, hasCpuTimes, untilQuiet } from "./process-cpu.ts";
import { answerBodyOf, type DeploymentName, pathOf, requestBodyOf } from "./traffic.ts";

/**
 * `jsRelay` reads and sends each piece in JavaScript, and does nothing else; `nativeRelay` has streams carried by the
 * runtime, keeps their end and reads a copy of them once. `metered` passes and meters streams with the
 * gateway's own code, and does nothing else of what the gateway does; `eachEvent` is the same in the way that streams take
 * of which an event is kept back. `onDisk` is the gateway with its stores on a disk,
 * where every durable write waits for the disk.
 */
export const targetNames = [
  "mock",
  "passThrough",
  "jsRelay",
  "nativeRelay",
  "metered",
  "eachEvent",
  "gateway",
  "onDisk",
] as const;
export type TargetName = (typeof targetNames)[number];

export interface Target {
  readonly port: number;
  readonly pid: number | null;
  readonly headers: Readonly<Record<string, string>>;
  /** Of several callers, who take turns. */
  readonly apiKeys?: readonly string[];
  /** Work may outlast the answers: its CPU time counts, and the next target must not share the machine with it. */
  readonly quietMs: number;
}

export interface Load {
  readonly deployment: DeploymentName;
  readonly connections: number;
  readonly durationMs: number;
  readonly arrival: Arrival;
}

export interface Measured extends JobResult {
  /** Of the target's process per answer, all of its work included; 0 where the platform does not say. */
  readonly cpuMicroseconds: number;
  /** Of the load generator per answer: far below the target's, or the generator is what is measured. */
  readonly generatorMicroseconds: number;
}

export async function measure(generator: Child, target: Target, load: Load): Promise<Measured> {
  const { deployment, ...rest } = load;
  const job = {
    ...rest,
    port: target.port,
    path: pathOf(deployment),
    headers: target.headers,
    apiKeys: target.apiKeys ?? [],
    body: requestBodyOf(deployment),
    expected: answerBodyOf(deployment),
  };
  const before = cpuOf(target.pid);
  const generatorBefore = cpuOf(generator.pid);
  const result = JobResult.parse(await generator.ask(job));
  if (target.pid !== null && hasCpuTimes && target.quietMs > 0) await untilQuiet(target.pid, target.quietMs);
  const perAnswer = (usedMs: number) => (usedMs * 1_000) / Math.max(1, result.answers);
  return {
    ...result,
    cpuMicroseconds: perAnswer(cpuOf(target.pid) - before),
    generatorMicroseconds: perAnswer(cpuOf(generator.pid) - generatorBefore),
  };
}

const cpuOf = (pid: number | null): number => (pid === null || !hasCpuTimes ? 0 : cpuMs(pid));
