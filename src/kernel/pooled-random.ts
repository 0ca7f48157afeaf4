/** Random bytes drawn many at a time: asking the platform for each id's few would cost more than making the id. Pure. */
import type { RandomBytes } from "./clock.ts";

const POOL_BYTES = 1_024;

/** No byte is given out twice. For ids, not for keys: those are drawn on their own. */
export function pooledRandom(random: RandomBytes): RandomBytes {
  let pool = new Uint8Array(0);
  let used = 0;
  return (length) => {
    if (length > POOL_BYTES) return random(length);
    if (used + length > pool.length) {
      pool = Uint8Array.from(random(POOL_BYTES));
      used = 0;
    }
    used += length;
    return pool.slice(used - length, used);
  };
}
