/**
 * The reservations of a ledger that are under way, and the last ones that have ended. Those of a busy ledger live in
 * memory alone (they float) until it is quiet again; what a crash loses of them has been charged. Pure.
 */
import type { AgentReservation } from "./agent-reservation.ts";

export interface OpenReservation {
  reservation: AgentReservation;
  /** Not stored. */
  floats: boolean;
}

/** A repeated settlement gets its first answer for as long as it is likely to come. */
const ENDED_REMEMBERED = 1_000;

export class OpenReservations {
  readonly #open = new Map<string, OpenReservation>();
  readonly #ended = new Map<string, AgentReservation>();
  #floating = 0;

  constructor(stored: readonly AgentReservation[]) {
    for (const reservation of stored)
      this.#open.set(reservation.reservationId, { reservation, floats: false });
  }

  get size(): number {
    return this.#open.size;
  }

  get floating(): number {
    return this.#floating;
  }

  find(reservationId: string): OpenReservation | undefined {
    return this.#open.get(reservationId);
  }

  all(): IterableIterator<OpenReservation> {
    return this.#open.values();
  }

  ended(reservationId: string): AgentReservation | undefined {
    return this.#ended.get(reservationId);
  }

  add(reservation: AgentReservation, floats: boolean): void {
    this.#open.set(reservation.reservationId, { reservation, floats });
    if (floats) this.#floating += 1;
  }

  /** They are stored from here on. */
  anchor(): AgentReservation[] {
    const anchored: AgentReservation[] = [];
    if (this.#floating === 0) return anchored;
    for (const open of this.#open.values()) {
      if (!open.floats) continue;
      open.floats = false;
      anchored.push(open.reservation);
    }
    this.#floating = 0;
    return anchored;
  }

  /** @returns whether it floated until now. */
  anchorOne(reservationId: string): boolean {
    const open = this.#open.get(reservationId);
    if (!open?.floats) return false;
    open.floats = false;
    this.#floating -= 1;
    return true;
  }

  /** Not under way any more. */
  close(reservationId: string): void {
    if (this.#open.get(reservationId)?.floats) this.#floating -= 1;
    this.#open.delete(reservationId);
  }

  remember(ended: AgentReservation): void {
    this.#ended.set(ended.reservationId, ended);
    if (this.#ended.size <= ENDED_REMEMBERED) return;
    const [oldest] = this.#ended.keys();
    if (oldest !== undefined) this.#ended.delete(oldest);
  }

  overdue(nowMs: number): OpenReservation[] {
    return [...this.#open.values()].filter(({ reservation }) => reservation.expiresAtMs <= nowMs);
  }

  nextExpiryMs(): number | null {
    let next: number | null = null;
    for (const { reservation } of this.#open.values()) {
      if (next === null || reservation.expiresAtMs < next) next = reservation.expiresAtMs;
    }
    return next;
  }
}
