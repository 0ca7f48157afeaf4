/**
 * How a reservation ends, once: settled with what was used, or expired and charged in full, unless it is renewed before;
 * and the settlement that comes after all, which corrects an expiry. Pure.
 */
import { abandonedRecord } from "./abandoned-record.ts";
import { type AgentReservation, chargedOf, NOTHING_CHARGED, settleReplyOf } from "./agent-reservation.ts";
import type { AgentStore } from "./agent-store.ts";
import type { AheadWriter } from "./ahead-writer.ts";
import type { Settle, SettleReply } from "./contracts.ts";
import type { CounterBook } from "./counter-book.ts";
import { tenantPartOf } from "./kept-settlement.ts";
import type { OpenReservation, OpenReservations } from "./open-reservations.ts";
import { AS_RESERVED, actualOf } from "./settlement.ts";

type Store = Pick<
  AgentStore,
  "putReservation" | "removeReservation" | "findReservation" | "keepRecord" | "keepSettlement"
>;

export class ReservationEndings {
  readonly #store: Store;
  readonly #counters: CounterBook;
  readonly #reservations: OpenReservations;
  readonly #writer: AheadWriter;

  constructor(store: Store, counters: CounterBook, reservations: OpenReservations, writer: AheadWriter) {
    this.#store = store;
    this.#counters = counters;
    this.#reservations = reservations;
    this.#writer = writer;
  }

  /** Under way or ended, for as long as either is remembered. */
  find(reservationId: string): AgentReservation | null {
    return this.#reservations.find(reservationId)?.reservation ?? this.#findEnded(reservationId);
  }

  /** @returns whether it was still under way. The caller's own calls are none that go on here. */
  renew(reservationId: string, expiresAtMs: number): boolean {
    const open = this.#reservations.find(reservationId);
    if (open?.reservation.purpose !== "relay") return false;
    open.reservation = { ...open.reservation, expiresAtMs };
    // A call that lasts this long is worth a row: a crash would cut it at its next renewal.
    if (this.#reservations.anchorOne(reservationId)) {
      for (const charge of open.reservation.charges) this.#counters.anchor(charge);
    }
    this.#store.putReservation(open.reservation);
    return true;
  }

  /** @returns `release`, where the tenant's ledger must be told that the call is over. */
  settle(
    request: Settle,
    nowMs: number,
  ): { readonly reply: SettleReply; readonly release: AgentReservation | null } {
    const found = this.#reservations.find(request.reservationId);
    if (found?.reservation.purpose !== request.purpose) {
      return { reply: this.#settleEnded(request, nowMs), release: null };
    }
    const { reservation } = found;
    return {
      reply: this.#end(found, request.outcome, nowMs),
      release: reservation.tenantWide ? reservation : null,
    };
  }

  expire(nowMs: number): void {
    for (const overdue of this.#reservations.overdue(nowMs)) {
      const { reservation } = overdue;
      this.#close(overdue, AS_RESERVED);
      const charged = chargedOf(reservation, AS_RESERVED);
      const expired: AgentReservation = { ...reservation, state: "expired", endedAtMs: nowMs, charged };
      this.#reservations.remember(expired);
      this.#store.putReservation(expired);
      // The tenant's own expiry is that of the longest call.
      if (reservation.tenantWide) this.#store.keepSettlement(tenantPartOf(reservation), nowMs);
      const number = this.#writer.number(reservation, nowMs);
      this.#store.keepRecord(abandonedRecord(reservation, number, nowMs), nowMs);
    }
    this.#writer.save(nowMs);
  }

  /** No longer under way before anything is written: what is written next must not find it half ended. */
  #close({ reservation, floats }: OpenReservation, outcome: Settle["outcome"]): void {
    this.#reservations.close(reservation.reservationId);
    for (const charge of reservation.charges) {
      this.#counters.settle(charge, actualOf(charge, outcome), floats);
    }
  }

  #end(open: OpenReservation, outcome: Settle["outcome"], nowMs: number): SettleReply {
    const { reservation, floats } = open;
    this.#close(open, outcome);
    const charged = chargedOf(reservation, outcome);
    const settledNumber = this.#writer.number(reservation, nowMs);
    const settled = { ...reservation, state: "settled" as const, endedAtMs: nowMs, charged, settledNumber };
    this.#reservations.remember(settled);
    // A replay of /v1/enforce looks for its charge; a relayed call has nothing more to say.
    if (reservation.purpose === "enforce") this.#store.putReservation(settled);
    else if (!floats) this.#store.removeReservation(reservation.reservationId);
    return settleReplyOf("settled", charged, settledNumber);
  }

  #settleEnded({ caller, reservationId, purpose, outcome }: Settle, nowMs: number): SettleReply {
    const ended = this.#findEnded(reservationId);
    // Also what a crash of a busy ledger has lost: it was charged then, and recorded.
    if (!ended || ended.purpose !== purpose) {
      return settleReplyOf("unknown", NOTHING_CHARGED, this.#writer.number(caller, nowMs));
    }
    if (ended.state !== "expired") {
      // The first answer's number: its record was perhaps lost with it, and is the same record.
      const number = ended.settledNumber ?? this.#writer.number(caller, nowMs);
      return settleReplyOf("repeated", ended.charged, number, ended.replaced);
    }
    return this.#correct(ended, outcome, nowMs);
  }

  #findEnded(reservationId: string): AgentReservation | null {
    return this.#reservations.ended(reservationId) ?? this.#store.findReservation(reservationId);
  }

  #correct(ended: AgentReservation, outcome: Settle["outcome"], nowMs: number): SettleReply {
    for (const charge of ended.charges) {
      const wasCharged = actualOf(charge, AS_RESERVED);
      this.#counters.correct({ ...charge, amount: wasCharged }, actualOf(charge, outcome));
    }
    const charged = chargedOf(ended, outcome);
    const replaced = { ...ended.charged, atMs: ended.endedAtMs ?? ended.expiresAtMs };
    const settledNumber = this.#writer.number(ended, nowMs);
    const settled: AgentReservation = {
      ...ended,
      state: "settled",
      endedAtMs: nowMs,
      charged,
      replaced,
      settledNumber,
    };
    this.#reservations.remember(settled);
    this.#store.putReservation(settled);
    return settleReplyOf("corrected", charged, settledNumber, replaced);
  }
}
