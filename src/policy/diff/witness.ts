/** A found choice made as plain as it can be: whoever reads a witness should see only what matters. */
import type { Patch } from "./dimension.ts";
import type { Point } from "./point.ts";
import type { Chosen } from "./search.ts";

/** @param keeps whether a choice still shows what it is a witness of. */
export function plainest(
  found: readonly Chosen[],
  keeps: (chosen: readonly Chosen[]) => boolean,
): readonly Chosen[] {
  let chosen = found;
  for (const [index, { dimension, options, option }] of found.entries()) {
    for (const plainer of options) {
      if (plainer === option) break;
      const tried = chosen.with(index, { dimension, options, option: plainer });
      if (!keeps(tried)) continue;
      chosen = tried;
      break;
    }
  }
  return chosen;
}

export const pointOf = (chosen: readonly Chosen[], plain: Point): Point =>
  chosen.reduce((point, { option: { patch } }) => merged(point, patch), plain);

/** Parameters come one by one. */
const merged = (point: Point, patch: Patch): Point => ({
  ...point,
  ...patch,
  parameters: patch.parameters ? { ...point.parameters, ...patch.parameters } : point.parameters,
});
