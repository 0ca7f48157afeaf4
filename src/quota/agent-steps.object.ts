/**
 * The synchronous steps of an agent's ledger: each runs in one commit, under revisions that a live lease vouches for at
 * that moment. Nothing in here awaits, so nothing can change between what a step checks and what it charges.
 */
import type { Revisions } from "../policy/snapshot.ts";
import type { AgentLedgerStore } from "./agent-ledger-store.object.ts";
import { type AgentReservation, openReservation, settleReservation } from "./agent-reservation.ts";
import { isSnapshotStale, standingRefusal } from "./agent-standing.ts";
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
import type { Deadlines } from "./deadlines.object.ts";
import type { KeptSettlement } from "./kept-settlement.ts";
import { ledgerRefusal, quotaRefusal } from "./ledger-refusal.ts";
import { takeBackMoves } from "./settlement.ts";

type Caller = ReserveRequest["caller"];

export type Tried =
  | { readonly kind: "answer"; readonly reply: ReserveReply }
  | { readonly kind: "full"; readonly refusal: LedgerRefusal };
export type Step = Tried | { readonly kind: "ask_tenant"; readonly reservation: AgentReservation };

/** The moment of a step, and the revisions that count then. */
export interface Moment {
  readonly nowMs: number;
  readonly revisions: Revisions;
}

export class AgentSteps {
  readonly #store: AgentLedgerStore;
  readonly #deadlines: Deadlines;
  readonly #relayMaxMs: number;

  constructor(store: AgentLedgerStore, deadlines: Deadlines, relayMaxMs: number) {
    this.#store = store;
    this.#deadlines = deadlines;
    this.#relayMaxMs = relayMaxMs;
  }

  /** One candidate: answered, without room, or charged tentatively until the tenant's ledger has been asked. */
  open(request: ReserveRequest, index: number, candidate: LedgerCandidate, moment: Moment): Step {
    const answer = this.#gate(request, moment);
    if (answer) return { kind: "answer", reply: answer };
    const { tables } = this.#store;
    const { nowMs } = moment;
    const opening = openReservation(tables.total, request, index, candidate, this.#relayMaxMs, nowMs);
    if (!opening.opened) return { kind: "full", refusal: quotaRefusal(opening.binding, nowMs) };
    tables.reserve(opening.moves);
    const { reservation } = opening;
    if (!reservation.tenantWide) {
      return { kind: "answer", reply: this.#commit(request, reservation, [], moment) };
    }
    tables.put(reservation, nowMs);
    return { kind: "ask_tenant", reservation };
  }

  /** After the tenant's ledger agreed: everything but the quotas is judged again, since time has passed. */
  close(
    request: ReserveRequest,
    reservation: AgentReservation,
    tenantLimits: readonly LimitState[],
    moment: Moment,
  ): ReserveReply {
    // Its own tentative row must not look like another call's.
    this.#store.tables.remove(reservation.reservationId);
    const answer = this.#gate(request, moment);
    if (answer === null) return this.#commit(request, reservation, tenantLimits, moment);
    this.#store.tables.move(takeBackMoves(reservation.charges));
    return answer;
  }

  /** No candidate had room. */
  refuse(request: ReserveRequest, refusal: LedgerRefusal, moment: Moment): ReserveReply {
    return this.#gate(request, moment) ?? this.#refused(request.caller, refusal, moment.revisions);
  }

  confirm({ caller, snapshot }: ConfirmRequest, { revisions }: Moment): ConfirmReply {
    const refused = this.#standingOrStale(caller, snapshot, revisions);
    return refused ?? { outcome: "confirmed", revisions, number: this.#store.number(caller.agentId) };
  }

  /** @returns `kept`, where the tenant's ledger must be told as well; it is stored until that is done. */
  settle(
    request: Settle,
    nowMs: number,
    repeatAtMs: number,
  ): { readonly reply: SettleReply; readonly kept: KeptSettlement | null } {
    const { home, tenantId, agentId } = request.caller;
    const found = this.#store.tables.find(request.reservationId);
    const { reply, change } = settleReservation(found, request.outcome, nowMs);
    const numbered = { ...reply, number: this.#store.number(agentId) };
    if (change === null) return { reply: numbered, kept: null };
    this.#store.tables.move(change.moves);
    this.#store.tables.put(change.reservation, nowMs);
    const kept = change.tenantSettle && { home, tenantId, settle: change.tenantSettle };
    if (kept) this.#store.keepSettlement(kept, repeatAtMs);
    return { reply: numbered, kept };
  }

  /** Only what is still tentative: a step that has ended it has freed its charges already. */
  takeBack({ reservationId, charges }: AgentReservation): void {
    const { tables } = this.#store;
    if (tables.find(reservationId)?.state !== "tentative") return;
    tables.move(takeBackMoves(charges));
    tables.remove(reservationId);
  }

  #commit(
    request: ReserveRequest,
    reservation: AgentReservation,
    tenantLimits: readonly LimitState[],
    { revisions, nowMs }: Moment,
  ): ReserveReply {
    const n = this.#store.takeNumber();
    const limits = [...reservation.limits, ...tenantLimits];
    const open: AgentReservation = { ...reservation, state: "open", number: n, limits };
    this.#store.tables.put(open, nowMs);
    const { idempotency, reservationId } = request;
    if (idempotency) {
      this.#store.agent.putAsk(idempotency.requestId, { askHash: idempotency.askHash, reservationId }, nowMs);
    }
    this.#deadlines.arm(open.expiresAtMs);
    return this.#reserved(request, open, revisions, n, false);
  }

  /** Agent state, then revisions. */
  #standingOrStale(caller: Caller, snapshot: Revisions, revisions: Revisions) {
    const refusal = standingRefusal(this.#store.agent.standing(), caller.agentVersion);
    if (refusal) return this.#refused(caller, refusal, revisions);
    return isSnapshotStale(snapshot, revisions) ? { outcome: "stale" as const, revisions } : null;
  }

  /** What answers a reserve before any quota: agent state, revisions, a repeated call, a known request id. */
  #gate(request: ReserveRequest, { revisions, nowMs }: Moment): ReserveReply | null {
    const { caller, reservationId, idempotency } = request;
    const refused = this.#standingOrStale(caller, request.snapshot, revisions);
    if (refused) return refused;
    const same = this.#store.tables.find(reservationId);
    if (same) {
      if (same.state !== "open" || same.decisionId !== request.decisionId) {
        throw new Error("This reservation is under way, has ended, or belongs to another decision.");
      }
      // The platform repeated the call: the first answer was lost, and its number is this decision's.
      return this.#reserved(request, same, revisions, same.number, false);
    }
    const known = idempotency && this.#store.agent.knownAsk(idempotency.requestId, nowMs);
    if (!known) return null;
    const first = this.#store.tables.find(known.reservationId);
    // The key belongs to the charge: one that was given back whole leaves nothing to replay.
    if (first?.state === "settled" && first.charged.requests === 0) return null;
    if (idempotency.askHash !== known.askHash || first === null) {
      return this.#refused(caller, ledgerRefusal("request_id_reused"), revisions);
    }
    return this.#reserved(request, first, revisions, this.#store.takeNumber(), true);
  }

  #reserved(
    request: ReserveRequest,
    { candidate, decisionId, reservationId, limits, reservedTokens }: AgentReservation,
    revisions: Revisions,
    n: number,
    replayed: boolean,
  ): ReserveReply {
    return {
      outcome: "reserved",
      // A replay is decided again and may offer fewer candidates than the first ask had.
      candidate: Math.min(candidate, request.candidates.length - 1),
      decisionId,
      reservationId,
      replayed,
      reservedTokens,
      relayMaxMs: this.#relayMaxMs,
      limits,
      revisions,
      number: this.#store.numbered(request.caller.agentId, n),
    };
  }

  #refused({ agentId }: Caller, refusal: LedgerRefusal, revisions: Revisions) {
    const number = this.#store.number(agentId);
    return { outcome: "refused" as const, refusal, revisions, number };
  }
}
