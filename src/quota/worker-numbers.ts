/**
 * Record numbers of an isolate, for decisions that no ledger numbered: the source is a random name, so two isolates
 * never share one, and counting starts at 1, so a missing number is a lost record.
 */
import type { RandomBytes } from "../kernel/clock.ts";
import { toHex } from "../kernel/encoding.ts";
import type { RecordNumber } from "./contracts.ts";

export function createWorkerNumbers(random: RandomBytes): () => RecordNumber {
  const source = `worker/${toHex(random(16))}`;
  let last = 0;
  return () => {
    last += 1;
    return { source, n: last };
  };
}
