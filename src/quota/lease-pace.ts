/**
 * How long a grantor makes its leases: as short as configured, since a write waits for the longest, and longer the more
 * holders renew, so that renewals stay below what one object can take (DESIGN section 7). Pure.
 */
import { SECOND_MS } from "../kernel/clock.ts";

const MOST_RENEWALS_PER_SECOND = 300;
/** A busy tenant's writes wait at most this many times as long as a quiet one's. */
const LONGEST_FACTOR = 10;

export class LeasePace {
  readonly #shortestMs: number;
  /** No lease is ever longer. */
  readonly longestMs: number;
  #second = 0;
  #renewals = 0;
  #leaseMs: number;

  constructor(shortestMs: number) {
    this.#shortestMs = shortestMs;
    this.longestMs = shortestMs * LONGEST_FACTOR;
    this.#leaseMs = shortestMs;
  }

  /** What the lease from above must last for a lease of this pace to fit, when it is half over; 0 = any will do. */
  get neededAboveMs(): number {
    return this.#leaseMs > this.#shortestMs ? this.#leaseMs * 2 : 0;
  }

  /** Counts a renewal. @returns how long its lease may be. @param wantedMs what the holder needs for leases of its own. */
  next(nowMs: number, wantedMs = 0): number {
    const second = Math.floor(nowMs / SECOND_MS);
    if (second !== this.#second) {
      this.#adapt(second === this.#second + 1 ? this.#renewals : 0);
      this.#second = second;
      this.#renewals = 0;
    }
    this.#renewals += 1;
    // A crowd that comes all at once is not waited for until the second is over.
    if (this.#renewals > MOST_RENEWALS_PER_SECOND) this.#adapt(this.#renewals);
    return Math.min(this.longestMs, Math.max(this.#leaseMs, wantedMs));
  }

  /** Renewals are as many as holders over the lease's life: a life twice as long halves them. */
  #adapt(renewalsPerSecond: number): void {
    const needed = (this.#leaseMs * renewalsPerSecond) / MOST_RENEWALS_PER_SECOND;
    this.#leaseMs = Math.min(
      this.longestMs,
      Math.max(this.#shortestMs, this.#leaseMs / 2, Math.ceil(needed)),
    );
    this.#leaseMs = Math.round(this.#leaseMs);
  }
}
