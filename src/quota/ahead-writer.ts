/**
 * When a ledger writes. A quiet one writes every step through; a busy one charges its counters and numbers ahead in
 * chunks, and keeps reservations in memory until it is quiet again (DESIGN section 7). Pure.
 */
import type { AgentStore } from "./agent-store.ts";
import type { RecordNumber } from "./contracts.ts";
import type { Charge, CounterBook } from "./counter-book.ts";
import type { OpenReservations } from "./open-reservations.ts";
import { chunkAhead, Pace } from "./pace.ts";
import type { RecordNumbers } from "./record-numbers.ts";

/** Chunks are closed this long after the last call. */
const QUIET_AFTER_MS = 5_000;

export class AheadWriter {
  readonly #store: Pick<AgentStore, "putCounters" | "putReservation" | "putNumbers">;
  readonly #counters: CounterBook;
  readonly #reservations: OpenReservations;
  readonly #numbers: RecordNumbers;
  readonly #pace = new Pace();
  /** Per counter, what was last charged: the measure of a chunk. */
  readonly #amounts = new Map<string, number>();
  readonly #aheadOf = chunkAhead(this.#amounts);

  constructor(
    store: Pick<AgentStore, "putCounters" | "putReservation" | "putNumbers">,
    counters: CounterBook,
    reservations: OpenReservations,
    numbers: RecordNumbers,
  ) {
    this.#store = store;
    this.#counters = counters;
    this.#reservations = reservations;
    this.#numbers = numbers;
  }

  /** Notes a reservation that is about to be charged. @returns whether the ledger is busy. */
  beat(charges: readonly Charge[], nowMs: number): boolean {
    this.#pace.beat(nowMs);
    for (const { counter, amount } of charges) this.#amounts.set(counter, amount);
    return this.#pace.isBusy(nowMs);
  }

  isBusy(nowMs: number): boolean {
    return this.#pace.isBusy(nowMs);
  }

  /** A number is given out only with the step that uses it, so the step's writes follow. */
  number(agent: { readonly agentId: string }, nowMs: number): RecordNumber {
    const n = this.#numbers.take(this.#pace.isBusy(nowMs));
    this.save(nowMs);
    return numberOf(agent, n);
  }

  save(nowMs: number): void {
    this.#write(this.#pace.isBusy(nowMs));
  }

  /** Stores what was really used, once the ledger has become quiet. */
  close(nowMs: number): void {
    if (nowMs - this.#pace.lastMs < QUIET_AFTER_MS) return;
    this.#numbers.close();
    this.#write(false);
  }

  /** Null where nothing is ahead of what is stored. */
  closeDueMs(): number | null {
    const isAhead = this.#counters.differs || this.#numbers.isAhead || this.#reservations.floating > 0;
    return isAhead ? this.#pace.lastMs + QUIET_AFTER_MS : null;
  }

  #write(isBusy: boolean): void {
    if (!isBusy) {
      for (const reservation of this.#reservations.anchor()) {
        for (const charge of reservation.charges) this.#counters.anchor(charge);
        this.#store.putReservation(reservation);
      }
      this.#amounts.clear();
    }
    const rows = this.#counters.takeRows(isBusy ? this.#aheadOf : null);
    if (rows.length > 0) this.#store.putCounters(rows);
    const block = this.#numbers.takeToStore();
    if (block) this.#store.putNumbers(block);
  }
}

export const numberOf = ({ agentId }: { readonly agentId: string }, n: number): RecordNumber => ({
  source: `agent-ledger/${agentId}`,
  n,
});
