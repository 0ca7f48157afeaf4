/** The comparison: every measure on every target in every round, in rotated order. */
import type { Child } from "./child.ts";
import type { Plan } from "./plan.ts";
import { rotated } from "./statistics.ts";
import { type Load, type Measured, measure, type Target, type TargetName, targetNames } from "./targets.ts";
import { PACED_STREAM_MS } from "./traffic.ts";

export const CONNECTIONS = 16;
export const REQUESTS_PER_SECOND = 300;
export const STREAMS = 32;
/** More than are ever needed at once, unless a target falls behind. */
const OPEN_LOOP_CONNECTIONS = 128;

export const measureNames = ["saturation", "latency", "streams", "paced", "burst"] as const;
export type MeasureName = (typeof measureNames)[number];
/** Streams are not taken on the disk: what a disk adds is the same for every call. The relay is there for streams alone. */
export type Compared = Readonly<Record<Exclude<TargetName, "onDisk" | "jsRelay">, Measured>> & {
  readonly onDisk?: Measured;
  readonly jsRelay?: Measured;
};
export type Round = Readonly<Record<MeasureName, Compared>>;

const whole = targetNames.filter((name) => name !== "jsRelay");
const streaming = targetNames.filter((name) => name !== "onDisk");
const streamed = streaming.filter((name) => name !== "jsRelay");

/** Capacity and latency are never taken from the same load. */
const loadsOf = (plan: Plan): Readonly<Record<MeasureName, Load>> => ({
  saturation: {
    deployment: "chat",
    connections: CONNECTIONS,
    durationMs: plan.saturationMs,
    arrival: { kind: "closed" },
  },
  latency: {
    deployment: "chat",
    connections: OPEN_LOOP_CONNECTIONS,
    durationMs: plan.latencyMs,
    arrival: { kind: "rate", perSecond: REQUESTS_PER_SECOND },
  },
  streams: {
    deployment: "stream",
    connections: STREAMS,
    durationMs: plan.streamsMs,
    arrival: { kind: "closed" },
  },
  // Started as fast as they end, so that 32 are under way at any time.
  paced: {
    deployment: "paced",
    connections: OPEN_LOOP_CONNECTIONS,
    durationMs: plan.pacedMs,
    arrival: { kind: "rate", perSecond: (STREAMS * 1_000) / PACED_STREAM_MS },
  },
  burst: {
    deployment: "stream",
    connections: STREAMS,
    durationMs: plan.burstMs,
    arrival: { kind: "burst", gapMs: 50 },
  },
});

export async function compare(
  generator: Child,
  targets: Readonly<Record<TargetName, Target>>,
  plan: Plan,
  tell: (line: string) => void,
): Promise<readonly Round[]> {
  const loads = loadsOf(plan);
  for (const name of targetNames) {
    if (name === "mock") continue;
    for (const deployment of ["chat", "stream"] as const) {
      if (name === "jsRelay" && deployment === "chat") continue;
      await measure(generator, targets[name], {
        ...loads.saturation,
        deployment,
        durationMs: plan.warmUpMs,
      });
    }
  }
  const rounds: Round[] = [];
  for (let index = 0; index < plan.rounds; index++) {
    tell(`Round ${index + 1} of ${plan.rounds} …`);
    const measureAll = async (load: Load, names: readonly TargetName[] = whole): Promise<Compared> => {
      const measured: Partial<Record<TargetName, Measured>> = {};
      for (const name of rotated(names, index)) {
        measured[name] = await measure(generator, targets[name], load);
      }
      const { mock, passThrough, gateway, ...rest } = measured;
      if (!mock || !passThrough || !gateway) throw new Error("A target was not measured.");
      return { mock, passThrough, gateway, ...rest };
    };
    rounds.push({
      saturation: await measureAll(loads.saturation),
      latency: await measureAll(loads.latency),
      streams: await measureAll(loads.streams, streaming),
      paced: await measureAll(loads.paced, streamed),
      burst: await measureAll(loads.burst, streamed),
    });
  }
  return rounds;
}
