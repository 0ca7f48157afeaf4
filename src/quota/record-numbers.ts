/**
 * The numbers of a ledger's records: taken from a block that is stored before use, so a busy ledger writes once per
 * block. A restart skips the block's rest and says so in its next record, so that a gap nobody names is a loss. Pure.
 */

/** As stored: numbers up to `given` were given out for certain, those up to `until` perhaps. */
export interface NumberBlock {
  readonly given: number;
  readonly until: number;
}

export interface SkippedNumbers {
  readonly from: number;
  readonly to: number;
}

const BUSY_BLOCK = 100;

export class RecordNumbers {
  #last: number;
  #stored: NumberBlock;
  #skipped: SkippedNumbers | null;

  constructor(stored: NumberBlock) {
    this.#stored = stored;
    this.#last = stored.until;
    this.#skipped = stored.until > stored.given ? { from: stored.given + 1, to: stored.until } : null;
  }

  /** The caller stores `toStore` before the number leaves the ledger. */
  take(isBusy: boolean): number {
    this.#last += 1;
    if (this.#last > this.#stored.until) {
      this.#stored = { given: this.#last, until: this.#last + (isBusy ? BUSY_BLOCK - 1 : 0) };
      this.#toStore = true;
    }
    return this.#last;
  }

  #toStore = false;

  /** Null where nothing changed. */
  takeToStore(): NumberBlock | null {
    if (!this.#toStore) return null;
    this.#toStore = false;
    return this.#stored;
  }

  /** What the last restart skipped; told once. */
  takeSkipped(): SkippedNumbers | null {
    const skipped = this.#skipped;
    this.#skipped = null;
    return skipped;
  }

  /** Gives back what is left of the block. */
  close(): void {
    if (this.#stored.given === this.#last && this.#stored.until === this.#last) return;
    this.#stored = { given: this.#last, until: this.#last };
    this.#toStore = true;
  }

  get isAhead(): boolean {
    return this.#stored.until > this.#last;
  }
}
