/**
 * Where the time goes: the same gateway at saturation with one more part left out at each level. What a part costs is
 * what its absence saves, in CPU time of the whole process, emulated stores included.
 */
import type { Child } from "./child.ts";
import { BODIES_ONLY_LEVEL, partNames, parts, WITHOUT_HEADER } from "./parts.ts";
import type { Plan } from "./plan.ts";
import { CONNECTIONS } from "./rounds.ts";
import { figureOf, rotated } from "./statistics.ts";
import { measure, type Target } from "./targets.ts";

export interface Component {
  readonly name: string;
  readonly cpuMicroseconds: number;
}

const levels = [0, ...parts.map((_, index) => index + 1), BODIES_ONLY_LEVEL] as const;

/** @param bareMicroseconds what the pass-through needs: nothing below it is the gateway's. */
export async function breakDown(
  generator: Child,
  target: Target,
  bareMicroseconds: number,
  plan: Plan,
): Promise<readonly Component[]> {
  const samples = new Map<number, number[]>(levels.map((level) => [level, []]));
  const run = (level: number, durationMs: number) => {
    const headers = level === 0 ? target.headers : { ...target.headers, [WITHOUT_HEADER]: String(level) };
    const load = { deployment: "chat", connections: CONNECTIONS, arrival: { kind: "closed" } } as const;
    return measure(generator, { ...target, headers }, { ...load, durationMs });
  };
  // What all levels share is warm after the first.
  for (const level of levels) await run(level, level === 0 ? plan.warmUpMs : plan.breakdownMs);
  for (let round = 0; round < plan.breakdownRounds; round++) {
    for (const level of rotated(levels, round)) {
      const { cpuMicroseconds, failed, different } = await run(level, plan.breakdownMs);
      if (failed + different > 0) throw new Error(`The breakdown's level ${level} answers differently.`);
      samples.get(level)?.push(cpuMicroseconds);
    }
  }
  const cpuAt = (level: number): number => figureOf(samples.get(level) ?? []).median;
  const saved = parts.map((part, index) => ({
    name: partNames[part],
    cpuMicroseconds: cpuAt(index) - cpuAt(index + 1),
  }));
  return [
    ...saved,
    {
      name: "the rest: routing, deciding, bounding, headers, server timing",
      cpuMicroseconds: cpuAt(parts.length) - cpuAt(BODIES_ONLY_LEVEL),
    },
    {
      name: "both bodies: reading, parsing, writing",
      cpuMicroseconds: cpuAt(BODIES_ONLY_LEVEL) - bareMicroseconds,
    },
    { name: "the pass-through itself", cpuMicroseconds: bareMicroseconds },
    { name: "together", cpuMicroseconds: cpuAt(0) },
  ];
}
