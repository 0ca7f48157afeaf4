/** When an undelivered thing is tried again: twice as late each time, at most every five minutes. Pure. */

const FIRST_MS = 1_000;
const MOST_MS = 300_000;

/** @param attempts how many have failed so far, at least 1. */
export const backOffMs = (attempts: number): number =>
  Math.min(MOST_MS, FIRST_MS * 2 ** Math.min(attempts - 1, 20));
