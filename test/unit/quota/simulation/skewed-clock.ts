/** The clock of one object: off, drifting, and now and then stepping back. Whole milliseconds, as `Date.now()`. */
export class SkewedClock {
  readonly #trueMs: () => number;
  readonly #startMs: number;
  readonly #rate: number;
  #offsetMs: number;

  /** @param drift as a share: 1e-4 is 0.1 ms per second. */
  constructor(trueMs: () => number, offsetMs: number, drift: number) {
    this.#trueMs = trueMs;
    this.#startMs = trueMs();
    this.#rate = 1 + drift;
    this.#offsetMs = offsetMs;
  }

  read(): number {
    return Math.floor(this.#startMs + (this.#trueMs() - this.#startMs) * this.#rate + this.#offsetMs);
  }

  /** How long until this clock shows that time, unless it steps. */
  untilMs(atMs: number): number {
    return Math.max(0, (atMs - this.read()) / this.#rate);
  }

  stepBack(ms: number): void {
    this.#offsetMs -= ms;
  }
}
