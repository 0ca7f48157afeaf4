/**
 * How busy a ledger is, and how far ahead a busy one charges. Pure.
 *
 * A row write per call and its output gate are what a ledger costs; so from about 50 reservations a second on, a
 * bucket is charged ahead in chunks of at most 1 % of what is left: that is also the most a crash can forfeit.
 */
import { SECOND_MS } from "../kernel/clock.ts";
import type { AheadOf, Bucket } from "./counter-book.ts";

const BUSY_PER_SECOND = 50;
const MOST_SHARE_OF_LEFT = 100;
/** A chunk is half of that, so that what calls give back does not need a write each. */
const CHUNK_SHARE_OF_LEFT = 2 * MOST_SHARE_OF_LEFT;
/** A chunk lasts about as long as this many calls of the last size, so that it is not larger than it is useful. */
const CALLS_PER_CHUNK = 200;

export class Pace {
  #second = 0;
  #current = 0;
  #previous = 0;
  #lastMs = 0;

  /** Counts one reservation. */
  beat(nowMs: number): void {
    this.#roll(nowMs);
    this.#current += 1;
    this.#lastMs = nowMs;
  }

  isBusy(nowMs: number): boolean {
    this.#roll(nowMs);
    return Math.max(this.#current, this.#previous) >= BUSY_PER_SECOND;
  }

  get lastMs(): number {
    return this.#lastMs;
  }

  #roll(nowMs: number): void {
    const second = Math.floor(nowMs / SECOND_MS);
    if (second === this.#second) return;
    this.#previous = second === this.#second + 1 ? this.#current : 0;
    this.#current = 0;
    this.#second = second;
  }
}

/** @param amounts the amount last charged per counter. */
export const chunkAhead =
  (amounts: ReadonlyMap<string, number>): AheadOf =>
  ({ counter, left }) => {
    const amount = amounts.get(counter) ?? 0;
    const share = Math.floor(Math.max(0, left - amount) / CHUNK_SHARE_OF_LEFT);
    return Math.min(share, amount * CALLS_PER_CHUNK);
  };

/** What a bucket's row may say beyond what is used. */
export const mostAhead = ({ left }: Pick<Bucket, "left">): number =>
  Math.floor(Math.max(0, left) / MOST_SHARE_OF_LEFT);
