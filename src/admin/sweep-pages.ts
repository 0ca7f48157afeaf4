/** What the sweeps share: page after page of what is left, each repeated, up to a bound for one run. */
import type { Result } from "../kernel/result.ts";

const SWEEP_PAGE = 100;
const SWEEP_MAX_PAGES = 10;

export interface Sweep {
  readonly acknowledged: number;
  readonly pending: number;
}

/**
 * Goes on past those that fail, so that one ledger never holds up the others.
 * @param read those after the last one of the page before; null = from the beginning.
 * @param repeat true = acknowledged now.
 */
export async function sweepPages<T>(
  read: (after: T | null, limit: number) => Promise<Result<readonly T[]>>,
  repeat: (item: T) => Promise<boolean>,
): Promise<Sweep> {
  let after: T | null = null;
  const total = { acknowledged: 0, pending: 0 };
  for (let page = 0; page < SWEEP_MAX_PAGES; page += 1) {
    const found: Result<readonly T[]> = await read(after, SWEEP_PAGE);
    if (!found.ok) break;
    const repeated = await Promise.all(found.value.map(repeat));
    total.acknowledged += repeated.filter(Boolean).length;
    total.pending += repeated.filter((done) => !done).length;
    after = found.value.at(-1) ?? null;
    if (found.value.length < SWEEP_PAGE) break;
  }
  return total;
}
