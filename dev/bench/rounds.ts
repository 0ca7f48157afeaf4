/** The comparison: every measure on every target in every round, in rotated order. */
import type { Child } from "./child.ts";
import type { Plan } from "./plan.ts";
import { rotated } from "./statistics.ts";
import { type Load, type Measured, measure, type Target, type TargetName, targetNames } from "./targets.ts";
import { PACED_STREAM_MS, THINKING_MS } from "./traffic.ts";

export const CONNECTIONS = 16;
export const REQUESTS_PER_SECOND = 300;
export const STREAMS = 32;
/** Of those that are long or large. */
const LONG_STREAMS = 8;
/** More than are ever needed at once, unless a target falls behind. */
const OPEN_LOOP_CONNECTIONS = 128;

export const measureNames = [
  "saturation",
  "latency",
  "streams",
  "long",
  "large",
  "paced",
  "thinking",
  "burst",
] as const;
export type MeasureName = (typeof measureNames)[number];
export type Compared = Readonly<Partial<Record<TargetName, Measured>>>;
export type Round = Readonly<Record<MeasureName, Compared>>;

/** Streams are not taken on the disk: what a disk adds is the same for every call. The relays are there for streams alone. */
const targetsOf: Readonly<Record<MeasureName, readonly TargetName[]>> = {
  saturation: ["mock", "passThrough", "gateway", "onDisk"],
  latency: ["mock", "passThrough", "gateway", "onDisk"],
  streams: ["mock", "passThrough", "jsRelay", "nativeRelay", "metered", "eachEvent", "gateway"],
  long: ["passThrough", "metered", "eachEvent", "gateway"],
  large: ["passThrough", "metered", "gateway"],
  paced: ["mock", "passThrough", "metered", "gateway"],
  thinking: ["mock", "passThrough", "gateway"],
  burst: ["mock", "passThrough", "gateway"],
};
const isRelay = (name: TargetName): boolean =>
  ["jsRelay", "nativeRelay", "metered", "eachEvent"].includes(name);

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
  long: {
    deployment: "long",
    connections: LONG_STREAMS,
    durationMs: plan.streamsMs,
    arrival: { kind: "closed" },
  },
  large: {
    deployment: "large",
    connections: LONG_STREAMS,
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
  thinking: {
    deployment: "thinking",
    connections: OPEN_LOOP_CONNECTIONS,
    durationMs: plan.pacedMs,
    arrival: { kind: "rate", perSecond: (STREAMS * 1_000) / (PACED_STREAM_MS + THINKING_MS) },
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
      if (isRelay(name) && deployment === "chat") continue;
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
    const measureAll = async (name: MeasureName): Promise<Compared> => {
      const measured: Partial<Record<TargetName, Measured>> = {};
      for (const target of rotated(targetsOf[name], index)) {
        measured[target] = await measure(generator, targets[target], loads[name]);
      }
      return measured;
    };
    rounds.push({
      saturation: await measureAll("saturation"),
      latency: await measureAll("latency"),
      streams: await measureAll("streams"),
      long: await measureAll("long"),
      large: await measureAll("large"),
      paced: await measureAll("paced"),
      thinking: await measureAll("thinking"),
      burst: await measureAll("burst"),
    });
  }
  return rounds;
}
