/**
 * What an agent's ledger answers before any quota: agent state, revoked tokens, revisions, a repeated call, a known
 * request id; and the shape of its answers. Pure.
 */
import type { Revisions } from "../policy/snapshot.ts";
import type { AgentObjects } from "./agent-objects.ts";
import { type AgentReservation, isGivenBack } from "./agent-reservation.ts";
import {
  type AgentIdentity,
  type AgentStanding,
  isSnapshotStale,
  standingAfter,
  standingRefusal,
} from "./agent-standing.ts";
import type { AgentStore, SavedLedger } from "./agent-store.ts";
import { type AheadWriter, numberOf } from "./ahead-writer.ts";
import type { LedgerRefusal, ReserveReply, ReserveRequest, TokenRevocation } from "./contracts.ts";
import { ledgerRefusal } from "./ledger-refusal.ts";
import type { OpenReservations } from "./open-reservations.ts";
import { RevokedTokens } from "./revoked-tokens.ts";

type Caller = ReserveRequest["caller"];
type Store = Pick<AgentStore, "putAgent" | "putRevocations" | "knownAsk" | "findReservation">;
type KnownAgent = AgentIdentity & AgentStanding;

/** The moment of a step, and the revisions that count then. */
export interface Moment {
  readonly nowMs: number;
  readonly revisions: Revisions;
}

/** Thrown before a step has changed anything: a call that only a bug or a lost answer brings here. */
export class NothingChanged extends Error {}

export class AgentGate {
  readonly #store: Store;
  readonly #objects: AgentObjects;
  readonly #reservations: OpenReservations;
  readonly #writer: AheadWriter;
  readonly #relayMaxMs: number;
  readonly #revoked: RevokedTokens;
  #agent: KnownAgent | null;

  constructor(
    store: Store,
    { agent, revocations }: Pick<SavedLedger, "agent" | "revocations">,
    objects: AgentObjects,
    reservations: OpenReservations,
    writer: AheadWriter,
    relayMaxMs: number,
  ) {
    this.#store = store;
    this.#objects = objects;
    this.#agent = agent;
    this.#revoked = new RevokedTokens(revocations);
    this.#reservations = reservations;
    this.#writer = writer;
    this.#relayMaxMs = relayMaxMs;
  }

  get agent(): KnownAgent | null {
    return this.#agent;
  }

  putAgent(written: KnownAgent): void {
    this.#agent = standingAfter(this.#agent, written);
    this.#store.putAgent(this.#agent);
  }

  revokeTokens(revocation: Pick<TokenRevocation, "tokens" | "notBeforeMs">, nowMs: number): void {
    this.#store.putRevocations(this.#revoked.add(revocation, nowMs));
  }

  /** Of the agent, then of its token. */
  standingRefusal(caller: Caller): LedgerRefusal | null {
    return standingRefusal(this.#agent, caller.agentVersion) ?? this.#revoked.refusal(caller);
  }

  /** Agent and token, then revisions. */
  standingOrStale(caller: Caller, snapshot: Revisions, moment: Moment) {
    const refusal = this.standingRefusal(caller);
    if (refusal) return this.refused(caller, refusal, moment);
    const { revisions } = moment;
    return isSnapshotStale(snapshot, revisions) ? { outcome: "stale" as const, revisions } : null;
  }

  /** What answers a reserve before any quota: agent state, revisions, a repeated call, a known request id. */
  answer(request: ReserveRequest, moment: Moment): ReserveReply | null {
    const { caller, reservationId, decisionId, idempotency } = request;
    const refused = this.standingOrStale(caller, request.snapshot, moment);
    if (refused) return refused;
    const same =
      this.#reservations.find(reservationId)?.reservation ?? this.#reservations.ended(reservationId);
    if (same) {
      if (same.state !== "open" || same.decisionId !== decisionId) {
        throw new NothingChanged("This reservation has ended, or belongs to another decision.");
      }
      // The platform repeated the call: the first answer was lost, and its number is this decision's.
      return this.reserved(request, same, moment, same.number, false);
    }
    const known = idempotency && this.#store.knownAsk(idempotency.requestId, moment.nowMs);
    if (!known) return null;
    const first =
      this.#reservations.find(known.reservationId)?.reservation ??
      this.#store.findReservation(known.reservationId);
    // The key belongs to the charge: one that was given back whole leaves nothing to replay.
    if (first && isGivenBack(first)) return null;
    if (idempotency.askHash !== known.askHash || first === null) {
      return this.refused(caller, ledgerRefusal("request_id_reused"), moment);
    }
    // Decided again, it needs an approval by now that the first did not: it is no replay, but waits for one.
    if (replayedCandidate(request, first) === null) return null;
    return this.reserved(request, first, moment, this.#writer.number(caller, moment.nowMs).n, true);
  }

  /** Whatever it may charge, a call that continues an answer which this agent does not have is refused. */
  unknownObject({ caller, uses }: ReserveRequest, moment: Moment): ReserveReply | null {
    return uses && this.#objects.used(uses, moment.nowMs) === null
      ? this.refused(
          caller,
          ledgerRefusal("stored_object_unknown", { evidence: { object: uses.key } }),
          moment,
        )
      : null;
  }

  reserved(
    request: ReserveRequest,
    reservation: AgentReservation,
    { revisions, nowMs }: Moment,
    n: number,
    replayed: boolean,
  ): ReserveReply {
    const { decisionId, reservationId, limits, reservedTokens, approvalId } = reservation;
    return {
      outcome: "reserved",
      candidate: replayedCandidate(request, reservation) ?? 0,
      decisionId,
      reservationId,
      replayed,
      reservedTokens,
      relayMaxMs: this.#relayMaxMs,
      limits,
      revisions,
      number: numberOf(request.caller, n),
      atMs: nowMs,
      approvalId,
      ...ancestorsHeld(request.caller),
      object: request.uses ? this.#objects.used(request.uses, nowMs) : null,
    };
  }

  refused(caller: Caller, refusal: LedgerRefusal, { revisions, nowMs }: Moment) {
    return {
      outcome: "refused" as const,
      refusal,
      revisions,
      number: this.#writer.number(caller, nowMs),
      atMs: nowMs,
    };
  }
}

/** Said only of tokens that have ancestors. */
export const ancestorsHeld = ({
  ancestors,
}: Pick<Caller, "ancestors">): { readonly ancestorsHeld?: number } =>
  ancestors === undefined ? {} : { ancestorsHeld: ancestors.length };

/**
 * A replay is decided again and may offer other candidates than the first ask had: the one in its place, but none that
 * needs an approval unless the reservation spent one for this very request. What is asked may be the same and the request
 * another: an approver reads the caller's notes as well. Null = there is none.
 */
function replayedCandidate(
  { candidates, approval }: ReserveRequest,
  { candidate, approvedHash }: AgentReservation,
): number | null {
  const index = Math.min(candidate, candidates.length - 1);
  const isApproved = approvedHash !== null && approval?.requestHash === approvedHash;
  if (isApproved || candidates[index]?.needsApproval !== true) return index;
  const free = candidates.findIndex(({ needsApproval }) => needsApproval !== true);
  return free === -1 ? null : free;
}
