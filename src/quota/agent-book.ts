/**
 * An agent's ledger as a pure state machine: counters, slices, reservations, agent state and record numbers. Every
 * method is one synchronous step under revisions that a live lease vouches for at that moment, so nothing can change
 * between what a step checks and what it charges. The Durable Object around it waits, stores and answers.
 */
import { APPROVAL_GRACE_MS } from "../kernel/limits.ts";
import { admit, type PlannedCharge } from "./admission.ts";
import { type AgentApproval, AgentApprovals } from "./agent-approvals.ts";
import { AgentGate, type Moment } from "./agent-gate.ts";
import { AgentObjects } from "./agent-objects.ts";
import { type AgentReservation, NOTHING_CHARGED, reservationLifeMs } from "./agent-reservation.ts";
import type { AgentIdentity, AgentStanding } from "./agent-standing.ts";
import type { GivenPermit, Step } from "./agent-step.ts";
import type { AgentStore, SavedLedger } from "./agent-store.ts";
import { AheadWriter } from "./ahead-writer.ts";
import { byPlace } from "./claims-by-place.ts";
import type {
  ConfirmReply,
  ConfirmRequest,
  LedgerCandidate,
  LedgerRefusal,
  LimitState,
  RenewReply,
  RenewRequest,
  ReserveReply,
  ReserveRequest,
  Settle,
  SettleReply,
} from "./contracts.ts";
import { CounterBook } from "./counter-book.ts";
import { counterStates } from "./counter-states.ts";
import { earliest } from "./earliest.ts";
import { forfeitedRecord } from "./forfeited-record.ts";
import type { LedgerCaller } from "./ledger-caller.ts";
import { ledgerRefusal, quotaRefusal } from "./ledger-refusal.ts";
import { counterName, type LimitClaim } from "./limit-claim.ts";
import { isMultiplied, MAX_COUNTERS } from "./multiplied-counter.ts";
import { OpenReservations } from "./open-reservations.ts";
import { RecordNumbers, type SkippedNumbers } from "./record-numbers.ts";
import { refreshedUntilMs } from "./refreshed-tokens.ts";
import { ReservationEndings } from "./reservation-endings.ts";
import { SliceHolder } from "./slice-holder.ts";
import type { ReservationReply, StateReply, StateRequest } from "./state-contracts.ts";
import type { RefreshReply, RefreshRequest, TokenRevocation } from "./token-contracts.ts";

/** A call that ends after its lease gives the rest of its slice back within this time: many of them at once. */
const RETURN_AFTER_MS = 3_000;

export class AgentBook {
  readonly slices: SliceHolder;
  readonly approvals: AgentApprovals;
  readonly objects: AgentObjects;
  readonly #store: AgentStore;
  readonly #relayMaxMs: number;
  readonly #counters: CounterBook;
  readonly #reservations: OpenReservations;
  readonly #writer: AheadWriter;
  readonly #gate: AgentGate;
  readonly #endings: ReservationEndings;
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
    this.objects = new AgentObjects(store);
    this.#gate = new AgentGate(store, saved, this.objects, this.#reservations, this.#writer, relayMaxMs);
    this.#endings = new ReservationEndings(store, this.#counters, this.#reservations, this.#writer);
    this.slices = new SliceHolder(this.#counters, nowMs);
    this.approvals = new AgentApprovals(store);
    this.#recordForfeited(saved, numbers.takeSkipped(), nowMs);
  }

  get agent(): (AgentIdentity & AgentStanding) | null {
    return this.#gate.agent;
  }

  /** One candidate. @param permit null = the tenant's ledger was not asked. */
  open(
    request: ReserveRequest,
    index: number,
    candidate: LedgerCandidate,
    permit: GivenPermit | null,
    moment: Moment,
  ): Step {
    const answer = this.#gate.answer(request, moment) ?? this.#gate.unknownObject(request, moment);
    if (answer) return { kind: "answer", reply: answer, charged: false };
    const { nowMs } = moment;
    const approval = candidate.needsApproval ? this.approvals.spendable(request.approval, nowMs) : null;
    if (candidate.needsApproval && approval === null) return { kind: "unapproved" };
    const [own, sliced, tenantWide] = byPlace(candidate.claims);
    if (!this.#hasPlaceFor(own, request.caller, nowMs)) {
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
    const limits = [...admission.limits, ...plan.limits, ...(permit?.limits ?? [])];
    return {
      kind: "answer",
      reply: this.#commit(request, index, candidate, charges, limits, permit, approval, moment),
      charged: true,
    };
  }

  /** No candidate had room. */
  refuse(request: ReserveRequest, refusal: LedgerRefusal, moment: Moment): ReserveReply {
    return this.#gate.answer(request, moment) ?? this.#gate.refused(request.caller, refusal, moment);
  }

  /** Some candidate needs approval, and no other allows. */
  wait(request: ReserveRequest, moment: Moment): ReserveReply {
    const answer = this.#gate.answer(request, moment);
    if (answer) return answer;
    const { refusal, waiting } = this.approvals.wait(request.approval, moment.nowMs);
    if (waiting) this.#wakeMs = earliest(this.#wakeMs, waiting.expiresAtMs + APPROVAL_GRACE_MS);
    return { ...this.#gate.refused(request.caller, refusal, moment), waiting };
  }

  confirm(request: ConfirmRequest, moment: Moment): ConfirmReply {
    return this.#gate.confirm(request, moment);
  }

  refresh(request: RefreshRequest, moment: Moment): RefreshReply {
    const reply = this.#gate.refresh(request, moment);
    // An agent that does nothing else leaves no rows behind either.
    if (reply.outcome === "refreshed") this.#wakeMs = earliest(this.#wakeMs, refreshedUntilMs(request));
    return reply;
  }

  /** Of a relayed call that goes on. It charges nothing and is no ask: it takes no number, and makes no ledger busy. */
  renew({ caller, reservationId }: RenewRequest, { nowMs, revisions }: Moment): RenewReply {
    const refusal = this.#gate.standingRefusal(caller);
    if (refusal) return { outcome: "refused", refusal };
    const isRenewed = this.#endings.renew(reservationId, nowMs + this.lifeMs("relay"));
    return { outcome: isRenewed ? "renewed" : "unknown", revisions };
  }

  /** @returns `release`, where the tenant's ledger must be told that the call is over. */
  settle(
    request: Settle,
    nowMs: number,
  ): { readonly reply: SettleReply; readonly release: AgentReservation | null } {
    const ended = this.#endings.settle(request, nowMs);
    // Azure has it whatever became of the reservation.
    if (request.made) this.#wakeMs = earliest(this.#wakeMs, this.objects.keep(request.made, nowMs));
    // What comes back after its lease is told by the next renewal; where nobody calls any more, by the alarm.
    const dueMs = this.slices.reportDueMs(nowMs);
    if (dueMs !== null) this.#wakeMs = earliest(this.#wakeMs, Math.max(dueMs, nowMs + RETURN_AFTER_MS));
    return ended;
  }

  putAgent(written: AgentIdentity & AgentStanding): void {
    this.#gate.putAgent(written);
  }

  revokeTokens(revocation: Pick<TokenRevocation, "tokens" | "notBeforeMs">, nowMs: number): void {
    this.#gate.revokeTokens(revocation, nowMs);
  }

  /** Charged in full. */
  expire(nowMs: number): void {
    this.#endings.expire(nowMs);
  }

  /** A ledger that has become quiet stores what it really used. */
  close(nowMs: number): void {
    this.#writer.close(nowMs);
  }

  state(page: Pick<StateRequest, "after" | "limit">, { nowMs, revisions }: Moment): StateReply {
    const { agent } = this.#gate;
    return {
      agent: agent && { version: agent.version, status: agent.status },
      openReservations: this.#reservations.size,
      chargesAhead: this.#writer.isBusy(nowMs),
      ...counterStates(
        { book: this.#counters, slices: this.slices, open: this.#reservations.all(), nowMs },
        page,
      ),
      revisions,
    };
  }

  reservation(reservationId: string): ReservationReply {
    const known = this.#endings.find(reservationId);
    if (known === null) return null;
    const { purpose, decisionId, subject, expiresAtMs } = known;
    return { purpose, decisionId, subject, reservedAtMs: expiresAtMs - this.lifeMs(purpose) };
  }

  isBusy(nowMs: number): boolean {
    return this.#writer.isBusy(nowMs);
  }

  /** How long a reservation lasts that is not renewed. */
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
    permit: GivenPermit | null,
    approval: AgentApproval | null,
    moment: Moment,
  ): ReserveReply {
    const { nowMs } = moment;
    const permitId = permit?.permitId ?? null;
    const charges = planned.map(({ charge }) => charge);
    const isBusy = this.#writer.beat(charges, nowMs);
    const { caller, reservationId, decisionId, purpose, subject, idempotency } = request;
    const mustBeStored =
      idempotency !== null ||
      approval !== null ||
      candidate.claims.some(({ meter }) => meter === "concurrent");
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
      tenantWide: permitId !== null,
      permitId,
      limits,
      charged: NOTHING_CHARGED,
      replaced: null,
      settledNumber: null,
      approvalId: approval?.approvalId ?? null,
      approvedHash: approval?.requestHash ?? null,
    };
    if (approval) this.approvals.spend(approval);
    this.#reservations.add(reservation, floats);
    this.#wakeMs = earliest(this.#wakeMs, reservation.expiresAtMs);
    if (!floats) this.#store.putReservation(reservation);
    if (idempotency) {
      this.#store.putAsk(idempotency.requestId, { askHash: idempotency.askHash, reservationId }, nowMs);
    }
    return this.#gate.reserved(request, reservation, moment, reservation.number, false);
  }

  #hasPlaceFor(claims: readonly LimitClaim[], caller: LedgerCaller, nowMs: number): boolean {
    if (this.#counters.size < MAX_COUNTERS) return true;
    if (claims.every((claim) => !isMultiplied(claim, caller) || this.#counters.has(counterName(claim))))
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
