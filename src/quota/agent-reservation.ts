/**
 * The agent ledger's reducer for reservations: how one is opened, settled and expired. It says what changes; the
 * object stores it in one synchronous commit. Tenant-wide charges live in the tenant's ledger, under the same id.
 */
import * as z from "zod";
import { AgentId, DecisionId, ReservationId, TenantId } from "../kernel/ids.ts";
import { ENFORCE_RESERVATION_MS, RESERVATION_GRACE_MS } from "../kernel/limits.ts";
import { Home } from "../residency/home.ts";
import {
  type LedgerCandidate,
  LimitState,
  ReservationSubject,
  type ReserveRequest,
  type SettleReply,
  type TenantSettle,
} from "./contracts.ts";
import { admit, Charge, type CounterMove, type ReadTotal } from "./counters.ts";
import type { LimitClaim, QuotaScope } from "./limit-claim.ts";
import {
  expiryMoves,
  reservationStates,
  reserveMoves,
  type SettleOutcome,
  settleMoves,
  spentOf,
} from "./settlement.ts";

export const AgentReservation = z.object({
  reservationId: ReservationId,
  state: z.enum(reservationStates),
  expiresAtMs: z.int(),
  endedAtMs: z.int().nullable(),
  charges: z.array(Charge),
  decisionId: DecisionId,
  /** The decision's number; 0 while tentative, since nobody has been answered. */
  number: z.int().min(0),
  candidate: z.int().min(0),
  purpose: z.enum(["relay", "enforce"]),
  home: Home,
  tenantId: TenantId,
  agentId: AgentId,
  subject: ReservationSubject,
  reservedTokens: z.int().min(0),
  /** Whether the tenant's ledger holds a part under the same id. */
  tenantWide: z.boolean(),
  limits: z.array(LimitState),
  charged: z.object({ requests: z.int().min(0), tokens: z.int().min(0) }),
});
export type AgentReservation = z.infer<typeof AgentReservation>;

export const claimsOf = (candidate: LedgerCandidate, scope: QuotaScope): LimitClaim[] =>
  candidate.claims.filter((claim) => claim.scope === scope);

/** The relay ends before its reservation does, by the grace: so a relay that ends in time always settles first. */
export const reservationLifeMs = (purpose: ReserveRequest["purpose"], relayMaxMs: number): number =>
  purpose === "relay" ? relayMaxMs + RESERVATION_GRACE_MS : ENFORCE_RESERVATION_MS;

export type Opening =
  | { readonly opened: true; readonly reservation: AgentReservation; readonly moves: CounterMove[] }
  | { readonly opened: false; readonly binding: LimitState };

/** Charges the agent's own counters for one candidate; open at once unless the tenant's ledger has a say. */
export function openReservation(
  read: ReadTotal,
  request: ReserveRequest,
  index: number,
  candidate: LedgerCandidate,
  relayMaxMs: number,
  nowMs: number,
): Opening {
  const admission = admit(read, claimsOf(candidate, "agent"), nowMs);
  if (!admission.admitted) return { opened: false, binding: admission.binding };
  const tenantWide = claimsOf(candidate, "tenant").length > 0;
  const { caller, reservationId, decisionId, purpose, subject } = request;
  const reservation: AgentReservation = {
    reservationId,
    state: tenantWide ? "tentative" : "open",
    expiresAtMs: nowMs + reservationLifeMs(purpose, relayMaxMs),
    endedAtMs: null,
    charges: [...admission.charges],
    decisionId,
    number: 0,
    candidate: index,
    purpose,
    home: caller.home,
    tenantId: caller.tenantId,
    agentId: caller.agentId,
    subject,
    reservedTokens: candidate.reservedTokens,
    tenantWide,
    limits: admission.limits,
    charged: { requests: 0, tokens: 0 },
  };
  return { opened: true, reservation, moves: reserveMoves(admission.charges) };
}

export interface Settled {
  readonly reply: Omit<SettleReply, "number">;
  /** Null where nothing changes. */
  readonly change: {
    readonly reservation: AgentReservation;
    readonly moves: CounterMove[];
    /** To be sent to the tenant's ledger until it is acknowledged. */
    readonly tenantSettle: TenantSettle | null;
  } | null;
}

export function settleReservation(
  reservation: AgentReservation | null,
  outcome: SettleOutcome,
  nowMs: number,
): Settled {
  // A tentative one was never answered, so whoever settles it does not know it either.
  if (reservation === null || reservation.state === "tentative") {
    return { reply: { outcome: "unknown", chargedTokens: 0, chargedRequests: 0 }, change: null };
  }
  const { state } = reservation;
  if (state === "settled") {
    const { tokens, requests } = reservation.charged;
    return { reply: { outcome: "repeated", chargedTokens: tokens, chargedRequests: requests }, change: null };
  }
  const spent = spentOf(outcome);
  const charged = spent ?? { requests: 1, tokens: reservation.reservedTokens };
  const { reservationId, charges, tenantWide } = reservation;
  return {
    reply: {
      outcome: state === "open" ? "settled" : "corrected",
      chargedTokens: charged.tokens,
      chargedRequests: charged.requests,
    },
    change: {
      reservation: { ...reservation, state: "settled", endedAtMs: nowMs, charged },
      moves: settleMoves(state, charges, spent),
      tenantSettle: tenantWide ? { v: 1, reservationId, charge: spent } : null,
    },
  };
}

/** Charged in full. The tenant's part expires in the tenant's own ledger, so it needs no message. */
export function expireReservation(
  reservation: AgentReservation,
  nowMs: number,
): { readonly reservation: AgentReservation; readonly moves: CounterMove[] } {
  const charged = { requests: 1, tokens: reservation.reservedTokens };
  return {
    reservation: { ...reservation, state: "expired", endedAtMs: nowMs, charged },
    moves: expiryMoves(reservation.charges),
  };
}
