/** Time and randomness come in as parameters, so that every decision can be replayed and every test can choose them. */

/** Milliseconds since the Unix epoch. */
export type Clock = () => number;

/** Cryptographically strong random bytes. */
export type RandomBytes = (length: number) => Uint8Array;

/** Resolves after that many milliseconds. */
export type Wait = (ms: number) => Promise<void>;

export const DAY_MS = 86_400_000;
export const MINUTE_MS = 60_000;
export const SECOND_MS = 1_000;

/** Calls `fire` once after that many milliseconds; the returned function cancels it. */
export type StartTimer = (ms: number, fire: () => void) => () => void;
