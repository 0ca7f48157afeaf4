/**
 * The counters of one ledger, in memory: what every (counter, bucket) has used, and what of it is stored. Pure.
 *
 * What is stored counts after a crash. It may run ahead of what is used (a chunk), never behind: that is guarantee G1
 * across restarts, and why a busy ledger needs one write per chunk instead of one per call.
 */
import type { Meter, Window } from "./limit-claim.ts";
import { mostAhead } from "./pace.ts";
import { bucketEndMs, ENDED_REMEMBERED_MS } from "./windows.ts";

/** What a reservation holds of one counter. */
export interface Charge {
  readonly counter: string;
  readonly window: Window;
  readonly bucket: number;
  readonly meter: Meter;
  readonly amount: number;
}

/** One bucket as stored: after a crash `used + ahead` counts as used, and `ahead` was forfeited. */
export interface CounterRow {
  readonly counter: string;
  readonly window: Window;
  readonly bucket: number;
  readonly used: number;
  /** Charged ahead of use, and held by reservations that only live in memory. */
  readonly ahead: number;
}

export interface Bucket {
  readonly counter: string;
  readonly window: Window;
  readonly bucket: number;
  /** Settled and reserved together. */
  readonly used: number;
  readonly reserved: number;
  /** The part of `reserved` whose reservations are not stored. */
  readonly floating: number;
  /** What the tightest limit had left before the last charge: a chunk is a share of it. */
  readonly left: number;
}

interface Kept extends Bucket {
  used: number;
  reserved: number;
  floating: number;
  left: number;
  storedUsed: number;
  storedAhead: number;
  /** The first moment at which it no longer counts. */
  readonly endsAtMs: number;
  /** A stored reservation has ended: its row goes, so what it gives back must be stored with that. */
  isOverstated: boolean;
}

/** How much to charge ahead of a bucket's use. */
export type AheadOf = (bucket: Bucket) => number;

export class CounterBook {
  readonly #counters = new Map<string, Map<number, Kept>>();
  /** What differs from its row. */
  readonly #unstored = new Set<Kept>();

  /** @param rows as stored; what was charged ahead counts as used, since nobody knows better. */
  constructor(rows: readonly CounterRow[]) {
    for (const { counter, window, bucket, used, ahead } of rows) {
      const kept = this.#make(counter, window, bucket);
      kept.used = used + ahead;
      kept.storedUsed = used;
      kept.storedAhead = ahead;
      if (ahead > 0) this.#unstored.add(kept);
    }
  }

  get size(): number {
    return this.#counters.size;
  }

  names(): IterableIterator<string> {
    return this.#counters.keys();
  }

  has(counter: string): boolean {
    return this.#counters.has(counter);
  }

  /** Of all buckets that count now. */
  used(counter: string, nowMs: number): number {
    let sum = 0;
    for (const kept of this.#drop(counter, nowMs)) if (nowMs < kept.endsAtMs) sum += kept.used;
    return sum;
  }

  usedIn(counter: string, bucket: number): number {
    return this.#find(counter, bucket)?.used ?? 0;
  }

  /** The buckets that count now, oldest first. */
  buckets(counter: string, nowMs: number): readonly Bucket[] {
    return this.#counting(counter, nowMs).sort((one, other) => one.bucket - other.bucket);
  }

  /**
   * @param left of the tightest limit, before this charge.
   * @param floats the reservation only lives in memory.
   */
  reserve({ counter, window, bucket, amount }: Charge, left: number, floats: boolean): void {
    const kept = this.#make(counter, window, bucket);
    kept.used += amount;
    kept.reserved += amount;
    kept.left = left;
    if (floats) kept.floating += amount;
    this.#unstored.add(kept);
  }

  /** The reservation of this charge is stored from here on. */
  anchor({ counter, bucket, amount }: Charge): void {
    const kept = this.#find(counter, bucket);
    if (kept === undefined) return;
    kept.floating -= amount;
    this.#unstored.add(kept);
  }

  /** Ends a charge with what was really used. A bucket that no longer counts is gone, and the charge with it. */
  settle({ counter, bucket, amount }: Charge, actual: number, floats: boolean): void {
    const kept = this.#find(counter, bucket);
    if (kept === undefined) return;
    kept.used += actual - amount;
    kept.reserved -= amount;
    if (floats) kept.floating -= amount;
    else kept.isOverstated = true;
    this.#unstored.add(kept);
  }

  /** A settlement after expiry: changes what had been settled before. */
  correct({ counter, bucket, amount }: Charge, actual: number): void {
    const kept = this.#find(counter, bucket);
    if (kept === undefined) return;
    kept.used += actual - amount;
    kept.isOverstated = true;
    this.#unstored.add(kept);
  }

  /** After a restart: the charges of stored reservations are part of what their buckets have used. */
  adopt({ counter, bucket, amount }: Charge): void {
    const kept = this.#find(counter, bucket);
    if (kept !== undefined) kept.reserved += amount;
  }

  /** For a bucket whose total is stated by others rather than counted here. */
  state(counter: string, window: Window, bucket: number, used: number): void {
    this.#make(counter, window, bucket).used = used;
  }

  /** Whether a crash now would count no less than what is used. */
  covers({ counter, bucket }: Charge): boolean {
    const kept = this.#find(counter, bucket);
    return kept === undefined || isCovered(kept);
  }

  /**
   * The rows to store now. Without `aheadOf`, whatever differs from its row; with it, only buckets that have used more
   * than is stored, each with its next chunk, and those that a stored reservation has left.
   */
  takeRows(aheadOf: AheadOf | null): CounterRow[] {
    const rows: CounterRow[] = [];
    for (const kept of this.#unstored) {
      if (aheadOf !== null && isCovered(kept) && !kept.isOverstated && !isFarAhead(kept)) continue;
      kept.isOverstated = false;
      const { counter, window, bucket, floating } = kept;
      const used = kept.used - floating;
      const ahead = floating + (aheadOf?.(kept) ?? 0);
      if (ahead === 0) this.#unstored.delete(kept);
      if (used === kept.storedUsed && ahead === kept.storedAhead) continue;
      kept.storedUsed = used;
      kept.storedAhead = ahead;
      rows.push({ counter, window, bucket, used, ahead });
    }
    return rows;
  }

  /** Whether any row says something else than what is used. */
  get differs(): boolean {
    return this.#unstored.size > 0;
  }

  /** Forgets what no longer counts. */
  prune(nowMs: number): void {
    for (const counter of [...this.#counters.keys()]) this.#drop(counter, nowMs);
  }

  #counting(counter: string, nowMs: number): Kept[] {
    const counting: Kept[] = [];
    for (const kept of this.#drop(counter, nowMs)) if (nowMs < kept.endsAtMs) counting.push(kept);
    return counting;
  }

  /** Forgets what cannot count any more; all else, what has just ended included. */
  #drop(counter: string, nowMs: number): Iterable<Kept> {
    const buckets = this.#counters.get(counter);
    if (buckets === undefined) return [];
    for (const kept of buckets.values()) {
      if (nowMs - ENDED_REMEMBERED_MS < kept.endsAtMs) continue;
      buckets.delete(kept.bucket);
      this.#unstored.delete(kept);
    }
    if (buckets.size === 0) this.#counters.delete(counter);
    return buckets.values();
  }

  #find(counter: string, bucket: number): Kept | undefined {
    return this.#counters.get(counter)?.get(bucket);
  }

  #make(counter: string, window: Window, bucket: number): Kept {
    let buckets = this.#counters.get(counter);
    if (buckets === undefined) {
      buckets = new Map();
      this.#counters.set(counter, buckets);
    }
    let kept = buckets.get(bucket);
    if (kept === undefined) {
      const nothing = { used: 0, reserved: 0, floating: 0, left: 0, storedUsed: 0, storedAhead: 0 };
      const endsAtMs = bucketEndMs(window, bucket) ?? Number.POSITIVE_INFINITY;
      kept = { counter, window, bucket, ...nothing, endsAtMs, isOverstated: false };
      buckets.set(bucket, kept);
    }
    return kept;
  }
}

/** Calls that float give back what they did not use in memory alone: a crash may forfeit only so much of it. */
const isFarAhead = (kept: Kept): boolean => kept.storedUsed + kept.storedAhead - kept.used > mostAhead(kept);

const isCovered = ({ used, storedUsed, storedAhead }: Kept): boolean => used <= storedUsed + storedAhead;
