/** One backend among those that may be called: the lowest priority first, then by weight. */
import type { Backend } from "./backend.ts";

/** Null where there is none. @param random in [0, 1). */
export function chooseBackend(callable: readonly Backend[], random: number): Backend | null {
  const priority = Math.min(...callable.map((backend) => backend.priority));
  const tier = callable.filter((backend) => backend.priority === priority);
  const total = tier.reduce((sum, backend) => sum + backend.weight, 0);
  let point = random * total;
  for (const backend of tier) {
    point -= backend.weight;
    if (point < 0) return backend;
  }
  return tier.at(-1) ?? null;
}
