/** One backend among those that residency and classification left: the lowest priority first, then by weight. */
import type { Backend } from "./backend.ts";

/** @param random in [0, 1). */
export function chooseBackend(eligible: readonly [Backend, ...Backend[]], random: number): Backend {
  const priority = Math.min(...eligible.map((backend) => backend.priority));
  const tier = eligible.filter((backend) => backend.priority === priority);
  const total = tier.reduce((sum, backend) => sum + backend.weight, 0);
  let point = random * total;
  for (const backend of tier) {
    point -= backend.weight;
    if (point < 0) return backend;
  }
  return tier.at(-1) ?? eligible[0];
}
