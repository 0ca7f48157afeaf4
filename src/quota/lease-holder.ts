/**
 * Holds one lease and renews it: at half-life in the background, at its end before anything is decided. At most one
 * renewal is in flight. Clock and grantor are parameters, so this file does no I/O of its own.
 */
import type { Clock } from "../kernel/clock.ts";
import type { LeaseReply } from "./contracts.ts";
import { type HeldLease, holdLease, isPastHalfLife, leaseAt } from "./lease.ts";

/** A renewal whose answer took longer than the lease lasts is asked again this often before giving up. */
const MAX_ASKS = 3;

export class LeaseHolder {
  readonly #clock: Clock;
  readonly #ask: (askedAtMs: number) => Promise<LeaseReply>;
  #lease: HeldLease | null = null;
  #renewal: Promise<void> | null = null;

  /** @param ask is given the moment from which on the reply's durations count. */
  constructor(clock: Clock, ask: (askedAtMs: number) => Promise<LeaseReply>) {
    this.#clock = clock;
    this.#ask = ask;
  }

  current(): HeldLease | null {
    this.#lease = leaseAt(this.#lease, this.#clock());
    return this.#lease;
  }

  /** The live lease, if there is one; past its half-life it is renewed in the background. */
  currentOrRenew(): HeldLease | null {
    const lease = this.current();
    // The lease is good for this call; a failure shows when it has run out.
    if (lease !== null && isPastHalfLife(lease, this.#clock())) this.renew().catch(() => undefined);
    return lease;
  }

  /** A live lease; rejects when the grantor cannot be reached. Whoever awaits this must ask `current` again. */
  async ensure(): Promise<HeldLease> {
    for (let asks = 0; asks <= MAX_ASKS; asks += 1) {
      const lease = this.currentOrRenew();
      if (lease !== null) return lease;
      if (asks < MAX_ASKS) await this.renew();
    }
    throw new Error("No lease lasts long enough to be used.");
  }

  /** For a grantor: one with at least half its life left if it can be had, for what is left bounds what it grants. */
  async ensureFresh(): Promise<HeldLease> {
    const lease = this.current();
    if (lease !== null && isPastHalfLife(lease, this.#clock())) await this.renew().catch(() => undefined);
    return this.ensure();
  }

  /** Joins a renewal that is in flight: whoever needs it to have carried something of theirs asks again. */
  renew(): Promise<void> {
    this.#renewal ??= this.#askOnce().finally(() => {
      this.#renewal = null;
    });
    return this.#renewal;
  }

  async #askOnce(): Promise<void> {
    const askedAtMs = this.#clock();
    const reply = await this.#ask(askedAtMs);
    this.#lease = holdLease(reply, askedAtMs, this.#clock());
  }
}
