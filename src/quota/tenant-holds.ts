/**
 * The grantor's side of slices: who holds how much of which tenant-wide budget. What is held counts as used, in the
 * window in which it may be spent last; so all slices together never exceed the limit (G1). Pure.
 */
import { roomAtMs } from "./admission.ts";
import { CounterBook } from "./counter-book.ts";
import type { Window } from "./limit-claim.ts";
import type { Hold, Slice, SliceAsk, SliceLimit, SliceReply, SliceRequest } from "./slice-contracts.ts";
import { bucketEndMs, bucketOf, counts, ENDED_REMEMBERED_MS } from "./windows.ts";

export interface HoldRow extends Hold {
  readonly holder: string;
}

export interface Exchange {
  readonly reply: SliceReply;
  /** To be stored before the reply leaves. */
  readonly rows: readonly HoldRow[];
}

/** A holder gets at most this share of what is free, beyond what its waiting calls need. */
const SHARE_OF_FREE = 20;
/** A slice of fewer calls saves too few hops to be worth what it withholds from the others. */
const CALLS_PER_SLICE = 8;

/**
 * A minute's slice counts for a minute from its end on: one that lasted as long as a busy tenant's lease would count for
 * far longer than it can be spent.
 */
const MINUTE_SLICE_MS = 3_000;

interface HeldBucket {
  readonly window: Window;
  readonly byHolder: Map<string, number>;
  total: number;
}

export class TenantHolds {
  readonly #held = new Map<string, Map<number, HeldBucket>>();
  readonly #seqs = new Map<string, number>();
  readonly #book = new CounterBook([]);

  constructor(rows: readonly HoldRow[], seqs: Iterable<readonly [string, number]>) {
    for (const { holder, ...hold } of rows) this.#set(holder, hold);
    for (const [holder, seq] of seqs) this.#seqs.set(holder, seq);
  }

  exchange(
    { holder, seq, holds, complete, asks }: SliceRequest,
    durationMs: number,
    nowMs: number,
  ): Exchange {
    const last = this.#seqs.get(holder) ?? 0;
    // Overtaken by a later message of the same holder, or there already: what it says is no longer true.
    if (seq <= last) return { reply: { accepted: false, seq: last, slices: [], limits: [] }, rows: [] };
    this.#seqs.set(holder, seq);
    const rows: HoldRow[] = complete ? this.#giveUp(holder, holds, nowMs) : [];
    for (const hold of holds) {
      if (!counts(hold.window, hold.bucket, nowMs)) continue;
      this.#set(holder, hold);
      rows.push({ holder, ...hold });
    }
    const slices: Slice[] = [];
    const limits: SliceLimit[] = [];
    for (const ask of asks) {
      const { slice, limit } = this.#grant(holder, ask, durationMs, nowMs);
      limits.push(limit);
      if (slice === null) continue;
      slices.push(slice);
      const { counter, window, bucket, held } = slice;
      rows.push({ holder, counter, window, bucket, held });
    }
    return { reply: { accepted: true, seq, slices, limits }, rows };
  }

  used(counter: string, nowMs: number): number {
    return this.#book.used(counter, nowMs);
  }

  prune(nowMs: number): void {
    this.#book.prune(nowMs);
    const endedMs = nowMs - ENDED_REMEMBERED_MS;
    for (const [counter, buckets] of this.#held) {
      for (const [bucket, { window }] of buckets)
        if (!counts(window, bucket, endedMs)) buckets.delete(bucket);
      if (buckets.size === 0) this.#held.delete(counter);
    }
  }

  /** What a holder counts as its own, and does not list. */
  #giveUp(holder: string, listed: readonly Hold[], nowMs: number): HoldRow[] {
    const isListed = new Set(listed.map(({ counter, bucket }) => `${counter}#${bucket}`));
    const rows: HoldRow[] = [];
    for (const [counter, buckets] of this.#held) {
      for (const [bucket, { window, byHolder }] of buckets) {
        if ((byHolder.get(holder) ?? 0) === 0 || !counts(window, bucket, nowMs)) continue;
        if (isListed.has(`${counter}#${bucket}`)) continue;
        const row = { holder, counter, window, bucket, held: 0 };
        this.#set(holder, row);
        rows.push(row);
      }
    }
    return rows;
  }

  #grant(
    holder: string,
    { counter, window, limit, need, least, want }: SliceAsk,
    durationMs: number,
    nowMs: number,
  ): { readonly slice: Slice | null; readonly limit: SliceLimit } {
    const sliceMs = window === "minute" ? Math.min(durationMs, MINUTE_SLICE_MS) : durationMs;
    const free = limit - this.#book.used(counter, nowMs);
    const refused = need > 0 && free < least;
    const needed = refused ? 0 : Math.max(0, Math.min(need, free));
    const share = Math.floor((free - needed) / SHARE_OF_FREE);
    // Near exhaustion a slice is exactly what is asked for: what one holder keeps, no other can use.
    const ahead = share < CALLS_PER_SLICE * Math.max(1, least) ? 0 : Math.min(want, share);
    const granted = needed + ahead;
    const bucket = spendingBucket(window, sliceMs, nowMs);
    if (granted > 0) {
      const held = (this.#held.get(counter)?.get(bucket)?.byHolder.get(holder) ?? 0) + granted;
      this.#set(holder, { counter, window, bucket, held });
    }
    const roomAt = refused ? roomAtMs(this.#book, counter, { limit, amount: least }, nowMs) : null;
    const resetsAt = refused ? roomAt : bucketEndMs(window, bucket);
    return {
      slice: granted > 0 ? this.#slice(holder, counter, window, bucket, sliceMs, nowMs) : null,
      limit: {
        counter,
        left: Math.max(0, free - granted),
        resetsInMs: resetsAt === null ? null : Math.max(0, resetsAt - nowMs),
        refused,
      },
    };
  }

  #slice(
    holder: string,
    counter: string,
    window: Window,
    bucket: number,
    sliceMs: number,
    nowMs: number,
  ): Slice {
    const held = this.#held.get(counter)?.get(bucket)?.byHolder.get(holder) ?? 0;
    const endMs = window === "minute" ? null : bucketEndMs(window, bucket);
    // Never outlives its day or month; a slice of a minute lies in the second in which it ends.
    const durationMs = endMs === null ? sliceMs : Math.min(sliceMs, endMs - nowMs);
    return { counter, window, bucket, held, durationMs };
  }

  #set(holder: string, { counter, window, bucket, held }: Hold): void {
    const buckets = this.#held.get(counter) ?? new Map<number, HeldBucket>();
    this.#held.set(counter, buckets);
    const kept = buckets.get(bucket) ?? { window, byHolder: new Map<string, number>(), total: 0 };
    buckets.set(bucket, kept);
    kept.total += held - (kept.byHolder.get(holder) ?? 0);
    kept.byHolder.set(holder, held);
    this.#book.state(counter, window, bucket, kept.total);
  }
}

/** The bucket in which a slice may be spent last. */
const spendingBucket = (window: Window, sliceMs: number, nowMs: number): number =>
  bucketOf(window, window === "minute" ? nowMs + sliceMs : nowMs);
