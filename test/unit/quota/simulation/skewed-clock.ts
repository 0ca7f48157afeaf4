/** The clock of one object: off, drifting, and now and then stepping back. Whole milliseconds, as `Date.now()`. */
const FARTHEST_MS = 30_000;

export class SkewedClock {
  readonly #trueMs: () => number;
  readonly #startMs: number;
  readonly #rate: number;
  #offsetMs: number;
  #readAtTrueMs = Number.NEGATIVE_INFINITY;

  /** @param drift as a share: 1e-4 is 0.1 ms per second. */
  constructor(trueMs: () => number, offsetMs: number, drift: number) {
    this.#trueMs = trueMs;
    this.#startMs = trueMs();
    this.#rate = 1 + drift;
    this.#offsetMs = offsetMs;
  }

  read(): number {
    this.#readAtTrueMs = this.#trueMs();
    return this.#show();
  }

  #show(): number {
    return Math.floor(this.#startMs + (this.#trueMs() - this.#startMs) * this.#rate + this.#offsetMs);
  }

  /** How long until this clock shows that time, unless it steps. */
  untilMs(atMs: number): number {
    return Math.max(0, (atMs - this.#show()) / this.#rate);
  }

  /** @returns false for a step beyond the design: one that nobody could notice, or clocks too far apart after it. */
  stepBack(ms: number): boolean {
    if (this.#offsetMs - ms < -FARTHEST_MS) return false;
    if (this.#trueMs() - this.#readAtTrueMs >= ms - 1_000) return false;
    this.#offsetMs -= ms;
    return true;
  }
}
