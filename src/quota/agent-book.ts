/**
 * An agent's ledger as a pure state machine: counters, slices, reservations, agent state and record numbers. Every
 * method is one synchronous step under revisions that a live lease vouches for at that moment, so nothing can change
 * between what a step checks and what it charges. The Durable Object around it waits, stores and answers.
 */
import { abandonedRecord } from "./abandoned-record.ts";
import { admit, type PlannedCharge } from "./admission.ts";
import { AgentGate, type Moment } from "./agent-gate.ts";
import {
  type AgentReservation,
  chargedOf,
  NOTHING_CHARGED,
  reservationLifeMs,
  settleReplyOf,
} from "./agent-reservation.ts";
import type { AgentIdentity, AgentStanding } from "./agent-standing.ts";
import type { AgentStore, SavedLedger } from "./agent-store.ts";
import { AheadWriter } from "./ahead-writer.ts";
import type {
  ConfirmReply,
  ConfirmRequest,
  LedgerCandidate,
  LedgerRefusal,
  LimitState,
  ReserveReply,
  ReserveRequest,
  Settle,
  SettleReply,
} from "./contracts.ts";
import { CounterBook } from "./counter-book.ts";
import { earliest } from "./earliest.ts";
import { forfeitedRecord } from "./forfeited-record.ts";
import { ledgerRefusal, quotaRefusal } from "./ledger-refusal.ts";
import { counterName, type LimitClaim } from "./limit-claim.ts";
import { OpenReservations } from "./open-reservations.ts";
import { RecordNumbers, type SkippedNumbers } from "./record-numbers.ts";
import { AS_RESERVED, actualOf } from "./settlement.ts";
import { SliceHolder } from "./slice-holder.ts";

export type Step =
  | { readonly kind: "answer"; readonly reply: ReserveReply }
  /** This candidate has no room. */
  | { readonly kind: "full"; readonly refusal: LedgerRefusal }
  /** A slice is too small: renew the lease, then try again. */
  | { readonly kind: "needs_slice" }
  /** The tenant's ledger must agree to one more call under way, then try again. */
  | { readonly kind: "needs_permit"; readonly claims: readonly LimitClaim[] };

/** Counters that callers can multiply at will (end users, addresses) are bounded in number. */
export const MAX_COUNTERS = 10_000;

export class AgentBook {
  readonly slices: SliceHolder;
  readonly #store: AgentStore;
  readonly #relayMaxMs: number;
  readonly #counters: CounterBook;
  readonly #reservations: OpenReservations;
  readonly #writer: AheadWriter;
  readonly #gate: AgentGate;
  #prunedAtMs = 0;
  #wakeMs: number | null = null;

  constructor(saved: SavedLedger, store: AgentStore, relayMaxMs: number, nowMs: number) {
    this.#store = store;
    this.#relayMaxMs = relayMaxMs;
    this.#counters = new CounterBook(saved.counters);
    this.#reservations = new OpenReservations(saved.open);
    for (const { charges } of saved.open) for (const charge of charges) this.#counters.adopt(charge);
    const numbers = new RecordNumbers(saved.numbers);
    this.#writer = new AheadWriter(store, this.#counters, this.#reservations, numbers);
    this.#gate = new AgentGate(store, saved.agent, this.#reservations, this.#writer, relayMaxMs);
    this.slices = new SliceHolder(this.#counters, nowMs);
    this.#recordForfeited(saved, numbers.takeSkipped(), nowMs);
  }

  get agent(): (AgentIdentity & AgentStanding) | null {
    return this.#gate.agent;
  }

  /** One candidate. @param permit what the tenant's ledger said of tenant-wide concurrency; null = it was not asked. */
  open(
    request: ReserveRequest,
    index: number,
    candidate: LedgerCandidate,
    permit: readonly LimitState[] | null,
    moment: Moment,
  ): Step {
    const answer = this.#gate.answer(request, moment);
    if (answer) return { kind: "answer", reply: answer };
    const { nowMs } = moment;
    const [own, sliced, tenantWide] = byPlace(candidate.claims);
    if (!this.#hasPlaceFor(own, nowMs)) {
      return { kind: "full", refusal: ledgerRefusal("quota_keys_exhausted", { retryAfterSeconds: 60 }) };
    }
    const admission = admit(this.#counters, own, nowMs);
    if (!admission.admitted) return { kind: "full", refusal: quotaRefusal(admission.binding, nowMs) };
    const plan = this.slices.plan(sliced, request.reservationId, nowMs);
    if (plan.kind === "refused") return { kind: "full", refusal: quotaRefusal(plan.binding, nowMs) };
    if (plan.kind === "ask") return { kind: "needs_slice" };
    if (tenantWide.length > 0 && permit === null) return { kind: "needs_permit", claims: tenantWide };
    if (sliced.length > 0) {
      this.slices.spent(plan.charges);
      this.#wakeMs = earliest(this.#wakeMs, this.slices.reportDueMs(nowMs));
    }
    const charges = [...admission.charges, ...plan.charges];
    const limits = [...admission.limits, ...plan.limits, ...(permit ?? [])];
    return {
      kind: "answer",
      reply: this.#commit(request, index, candidate, charges, limits, permit !== null, moment),
    };
  }

  /** No candidate had room. */
  refuse(request: ReserveRequest, refusal: LedgerRefusal, moment: Moment): ReserveReply {
    return this.#gate.answer(request, moment) ?? this.#gate.refused(request.caller, refusal, moment);
  }

  confirm({ caller, snapshot }: ConfirmRequest, moment: Moment): ConfirmReply {
    const refused = this.#gate.standingOrStale(caller, snapshot, moment);
    if (refused) return refused;
    return {
      outcome: "confirmed",
      revisions: moment.revisions,
      number: this.#writer.number(caller, moment.nowMs),
    };
  }

  /** @returns `release`, where the tenant's ledger must be told that the call is over. */
  settle(
    { caller, reservationId, purpose, outcome }: Settle,
    nowMs: number,
  ): { readonly reply: SettleReply; readonly release: AgentReservation | null } {
    const found = this.#reservations.find(reservationId);
    const open = found?.reservation.purpose === purpose ? found : undefined;
    const result = open
      ? this.#end(open.reservation, open.floats, outcome, nowMs)
      : this.#settleEnded(caller, reservationId, purpose, outcome, nowMs);
    return { reply: result, release: open?.reservation.tenantWide ? open.reservation : null };
  }

  putAgent(written: AgentIdentity & AgentStanding): void {
    this.#gate.putAgent(written);
  }

  /** Charged in full. The tenant's part of concurrency expires in the tenant's own ledger. */
  expire(nowMs: number): void {
    for (const { reservation, floats } of this.#reservations.overdue(nowMs)) {
      for (const charge of reservation.charges) {
        this.#counters.settle(charge, actualOf(charge, AS_RESERVED), floats);
      }
      const charged = chargedOf(reservation, AS_RESERVED);
      const expired: AgentReservation = { ...reservation, state: "expired", endedAtMs: nowMs, charged };
      this.#reservations.end(expired);
      this.#store.putReservation(expired);
      this.#store.keepRecord(
        abandonedRecord(reservation, this.#writer.number(reservation, nowMs), nowMs),
        nowMs,
      );
    }
    this.#writer.save(nowMs);
  }

  /** A ledger that has become quiet stores what it really used. */
  close(nowMs: number): void {
    this.#writer.close(nowMs);
  }

  /** How long a reservation lasts at most. */
  lifeMs(purpose: ReserveRequest["purpose"]): number {
    return reservationLifeMs(purpose, this.#relayMaxMs);
  }

  /** What the last steps added to the deadlines; null = nothing. */
  takeWakeMs(): number | null {
    const wakeMs = earliest(this.#wakeMs, this.#writer.closeDueMs());
    this.#wakeMs = null;
    return wakeMs;
  }

  /** The earliest of what this ledger must do by itself, slices apart; null = nothing. */
  nextDeadlineMs(): number | null {
    return earliest(this.#reservations.nextExpiryMs(), this.#writer.closeDueMs());
  }

  #commit(
    request: ReserveRequest,
    index: number,
    candidate: LedgerCandidate,
    planned: readonly PlannedCharge[],
    limits: LimitState[],
    tenantWide: boolean,
    moment: Moment,
  ): ReserveReply {
    const { nowMs } = moment;
    const charges = planned.map(({ charge }) => charge);
    const isBusy = this.#writer.beat(charges, nowMs);
    const { caller, reservationId, decisionId, purpose, subject, idempotency } = request;
    const mustBeStored = idempotency !== null || candidate.claims.some(({ meter }) => meter === "concurrent");
    const floats = isBusy && !mustBeStored;
    for (const { charge, left } of planned) this.#counters.reserve(charge, left, floats);
    const number = this.#writer.number(caller, nowMs);
    const reservation: AgentReservation = {
      reservationId,
      state: "open",
      expiresAtMs: nowMs + this.lifeMs(purpose),
      endedAtMs: null,
      charges,
      decisionId,
      number: number.n,
      candidate: index,
      purpose,
      home: caller.home,
      tenantId: caller.tenantId,
      agentId: caller.agentId,
      subject,
      reservedTokens: candidate.reservedTokens,
      reservedCostNanoUsd: candidate.reservedCostNanoUsd,
      tenantWide,
      limits,
      charged: NOTHING_CHARGED,
      replaced: null,
      settledNumber: null,
    };
    this.#reservations.add(reservation, floats);
    this.#wakeMs = earliest(this.#wakeMs, reservation.expiresAtMs);
    if (!floats) this.#store.putReservation(reservation);
    if (idempotency) {
      this.#store.putAsk(idempotency.requestId, { askHash: idempotency.askHash, reservationId }, nowMs);
    }
    return this.#gate.reserved(request, reservation, moment, reservation.number, false);
  }

  #end(
    reservation: AgentReservation,
    floats: boolean,
    outcome: Settle["outcome"],
    nowMs: number,
  ): SettleReply {
    const { reservationId, purpose, charges } = reservation;
    for (const charge of charges) this.#counters.settle(charge, actualOf(charge, outcome), floats);
    const charged = chargedOf(reservation, outcome);
    const settledNumber = this.#writer.number(reservation, nowMs);
    const settled = { ...reservation, state: "settled" as const, endedAtMs: nowMs, charged, settledNumber };
    this.#reservations.end(settled);
    // A replay of /v1/enforce looks for its charge; a relayed call has nothing more to say.
    if (purpose === "enforce") this.#store.putReservation(settled);
    else if (!floats) this.#store.removeReservation(reservationId);
    return settleReplyOf("settled", charged, settledNumber);
  }

  #settleEnded(
    caller: Settle["caller"],
    reservationId: string,
    purpose: Settle["purpose"],
    outcome: Settle["outcome"],
    nowMs: number,
  ): SettleReply {
    const ended = this.#reservations.ended(reservationId) ?? this.#store.findReservation(reservationId);
    // Also what a crash of a busy ledger has lost: it was charged then, and recorded.
    if (!ended || ended.purpose !== purpose) {
      return settleReplyOf("unknown", NOTHING_CHARGED, this.#writer.number(caller, nowMs));
    }
    if (ended.state !== "expired") {
      // The first answer's number: its record was perhaps lost with it, and is the same record.
      const number = ended.settledNumber ?? this.#writer.number(caller, nowMs);
      return settleReplyOf("repeated", ended.charged, number, ended.replaced);
    }
    for (const charge of ended.charges) {
      const wasCharged = actualOf(charge, AS_RESERVED);
      this.#counters.correct({ ...charge, amount: wasCharged }, actualOf(charge, outcome));
    }
    const charged = chargedOf(ended, outcome);
    const replaced = { ...ended.charged, atMs: ended.endedAtMs ?? ended.expiresAtMs };
    const settledNumber = this.#writer.number(caller, nowMs);
    const settled: AgentReservation = {
      ...ended,
      state: "settled",
      endedAtMs: nowMs,
      charged,
      replaced,
      settledNumber,
    };
    this.#reservations.end(settled);
    this.#store.putReservation(settled);
    return settleReplyOf("corrected", charged, settledNumber, replaced);
  }

  #hasPlaceFor(claims: readonly LimitClaim[], nowMs: number): boolean {
    if (this.#counters.size < MAX_COUNTERS) return true;
    if (claims.every((claim) => claim.subject === null || this.#counters.has(counterName(claim))))
      return true;
    if (nowMs - this.#prunedAtMs >= 1_000) {
      this.#prunedAtMs = nowMs;
      this.#counters.prune(nowMs);
    }
    return this.#counters.size < MAX_COUNTERS;
  }

  #recordForfeited({ counters, agent }: SavedLedger, skipped: SkippedNumbers | null, nowMs: number): void {
    if (agent === null || (skipped === null && counters.every(({ ahead }) => ahead === 0))) return;
    const number = this.#writer.number(agent, nowMs);
    this.#store.keepRecord(forfeitedRecord(agent, number, counters, skipped, nowMs), nowMs);
  }
}

/** The agent's own counters; slices of the tenant's; what only the tenant's ledger can say. */
function byPlace(claims: readonly LimitClaim[]): readonly [LimitClaim[], LimitClaim[], LimitClaim[]] {
  const own: LimitClaim[] = [];
  const sliced: LimitClaim[] = [];
  const tenantWide: LimitClaim[] = [];
  for (const claim of claims) {
    const place = claim.scope !== "tenant" ? own : claim.meter === "concurrent" ? tenantWide : sliced;
    place.push(claim);
  }
  return [own, sliced, tenantWide];
}
