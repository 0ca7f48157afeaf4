/** A store's answer within its time, else a refusal: a read of D1 has no time limit of its own. */
import type { StartTimer } from "./clock.ts";
import { D1_READ_MAX_MS } from "./limits.ts";
import { refuse } from "./refusal.ts";
import { fail, type Result } from "./result.ts";
import { withinLimit } from "./within-limit.ts";

export async function storeAnswer<T>(
  startTimer: StartTimer,
  read: () => Promise<Result<T>>,
): Promise<Result<T>> {
  try {
    return await withinLimit(startTimer, D1_READ_MAX_MS, read());
  } catch {
    // Garbage as well: a row that is none of ours is a store that is ill.
    return fail(refuse("store_unavailable"));
  }
}
