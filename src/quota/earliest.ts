/** The earliest of some deadlines; null = none. */
export function earliest(...deadlines: readonly (number | null)[]): number | null {
  const known = deadlines.filter((deadline) => deadline !== null);
  return known.length === 0 ? null : Math.min(...known);
}
