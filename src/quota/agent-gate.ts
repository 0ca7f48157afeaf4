/**
 * What an agent's ledger answers before any quota: agent state, revoked and refreshed tokens, revisions, a repeated call, a
 * used proof, a known request id; and the shape of its answers. Pure.
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
import type {
  ConfirmReply,
  ConfirmRequest,
  LedgerRefusal,
  ReserveReply,
  ReserveRequest,
} from "./contracts.ts";
import { ledgerRefusal } from "./ledger-refusal.ts";
import type { OpenReservations } from "./open-reservations.ts";
import { RefreshedTokens } from "./refreshed-tokens.ts";
import { RevokedTokens } from "./revoked-tokens.ts";
import type { RefreshReply, RefreshRequest, TokenRevocation } from "./token-contracts.ts";
import { UsedProofs } from "./used-proofs.ts";

type Caller = ReserveRequest["caller"];
type KnownAgent = AgentIdentity & AgentStanding;
type GateStore = Pick<
  AgentStore,
  "putAgent" | "putRevocations" | "putRefreshed" | "putProofHorizon" | "knownAsk" | "findReservation"
>;
type SavedGate = Pick<SavedLedger, "agent" | "revocations" | "refreshed" | "proofHorizonSeconds">;

/** The moment of a step, and the revisions that count then. */
export interface Moment {
  readonly nowMs: number;
  readonly revisions: Revisions;
}

/** Thrown before a step has changed anything: a call that only a bug or a lost answer brings here. */
export class NothingChanged extends Error {}

export class AgentGate {
  readonly #store: GateStore;
  readonly #objects: AgentObjects;
  readonly #reservations: OpenReservations;
  readonly #writer: AheadWriter;
  readonly #relayMaxMs: number;
  readonly #revoked: RevokedTokens;
  readonly #refreshed: RefreshedTokens;
  readonly #proofs: UsedProofs;
  #agent: KnownAgent | null;

  constructor(
    store: GateStore,
    { agent, revocations, refreshed, proofHorizonSeconds }: SavedGate,
    objects: AgentObjects,
    reservations: OpenReservations,
    writer: AheadWriter,
    relayMaxMs: number,
  ) {
    this.#store = store;
    this.#objects = objects;
    this.#agent = agent;
    this.#revoked = new RevokedTokens(revocations);
    this.#refreshed = new RefreshedTokens(refreshed, (one) => store.putRefreshed(one));
    this.#proofs = new UsedProofs(proofHorizonSeconds, (seconds) => store.putProofHorizon(seconds));
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

  /** Of the agent, then of its token. A call that is under way goes on when its token is refreshed: it has been decided. */
  standingRefusal(caller: Caller): LedgerRefusal | null {
    return standingRefusal(this.#agent, caller.agentVersion) ?? this.#revoked.refusal(caller);
  }

  /** Of what charges nothing: agent, token, revisions, proof. */
  confirm(request: ConfirmRequest, moment: Moment): ConfirmReply {
    const { caller, snapshot, proof, object } = request;
    const refused =
      this.standingOrStale(caller, snapshot, moment) ?? this.#proofRefused(caller, proof, moment);
    if (refused) return refused;
    const { nowMs, revisions } = moment;
    return {
      outcome: "confirmed",
      revisions,
      number: this.#writer.number(caller, nowMs),
      object: object ? this.#objects.find(object, nowMs) : null,
      ...taken(request),
    };
  }

  /** A token that was refreshed may be asked with once more, for the very token that replaced it. */
  refresh(request: RefreshRequest, { nowMs, revisions }: Moment): RefreshReply {
    const { caller, snapshot, proof } = request;
    const standing = this.standingRefusal(caller);
    if (standing) return { outcome: "refused", refusal: standing };
    if (isSnapshotStale(snapshot, revisions)) return { outcome: "stale", revisions };
    const unproven = proof && this.#proofs.use(proof, nowMs);
    if (unproven) return { outcome: "refused", refusal: unproven };
    const refreshed = this.#refreshed.refresh(request, nowMs);
    return "code" in refreshed
      ? { outcome: "refused", refusal: refreshed }
      : { outcome: "refreshed", successor: refreshed };
  }

  /** Agent and token, then revisions. */
  standingOrStale(caller: Caller, snapshot: Revisions, moment: Moment) {
    const refusal = this.standingRefusal(caller) ?? this.#refreshed.refusal(caller.tokenId);
    if (refusal) return this.refused(caller, refusal, moment);
    const { revisions } = moment;
    return isSnapshotStale(snapshot, revisions) ? { outcome: "stale" as const, revisions } : null;
  }

  #proofRefused(caller: Caller, proof: ConfirmRequest["proof"], moment: Moment) {
    const refusal = proof && this.#proofs.use(proof, moment.nowMs);
    return refusal ? this.refused(caller, refusal, moment) : null;
  }

  /** What answers a reserve before any quota: agent state, revisions, a repeated call, a used proof, a known request id. */
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
    const unproven = this.#proofRefused(caller, request.proof, moment);
    if (unproven) return unproven;
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
      ...taken(request),
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

/** What of a caller a ledger of before would have passed over. Ancestors are spoken of only where there are any. */
const taken = ({ caller: { ancestors }, proof }: Pick<ReserveRequest, "caller" | "proof">) => ({
  proofId: proof?.proofId ?? null,
  ...(ancestors === undefined ? {} : { ancestorsHeld: ancestors.length }),
});

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
