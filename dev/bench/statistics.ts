/** Medians over rounds with their extremes, and percentiles of samples. */
export interface Figure {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export function percentile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

export function figureOf(values: readonly number[]): Figure {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = (sorted.length - 1) / 2;
  const low = sorted[Math.floor(middle)] ?? Number.NaN;
  const high = sorted[Math.ceil(middle)] ?? Number.NaN;
  return { median: (low + high) / 2, min: sorted[0] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN };
}

/** The list starts elsewhere in every round, so that no target always has the warmest or the noisiest turn. */
export const rotated = <T>(items: readonly T[], round: number): readonly T[] =>
  items.map((_, index) => items[(index + round) % items.length]).filter((item) => item !== undefined);
