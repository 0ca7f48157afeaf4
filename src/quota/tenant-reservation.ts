/** The tenant ledger's reducer for reservations: the tenant-wide part of what an agent's ledger reserves. Pure. */
import * as z from "zod";
import { ReservationId } from "../kernel/ids.ts";
import type { LimitState, TenantReserve, TenantSettle } from "./contracts.ts";
import { admit, Charge, type CounterMove, type ReadTotal } from "./counters.ts";
import { expiryMoves, reservationStates, reserveMoves, settleMoves, takeBackMoves } from "./settlement.ts";

export const TenantReservation = z.object({
  reservationId: ReservationId,
  state: z.enum(reservationStates),
  expiresAtMs: z.int(),
  endedAtMs: z.int().nullable(),
  charges: z.array(Charge),
});
export type TenantReservation = z.infer<typeof TenantReservation>;

export type TenantOpening =
  | {
      readonly opened: true;
      readonly reservation: TenantReservation;
      readonly moves: CounterMove[];
      readonly limits: LimitState[];
    }
  | { readonly opened: false; readonly binding: LimitState };

export function openTenantReservation(read: ReadTotal, request: TenantReserve, nowMs: number): TenantOpening {
  const admission = admit(read, request.claims, nowMs);
  if (!admission.admitted) return { opened: false, binding: admission.binding };
  return {
    opened: true,
    reservation: {
      reservationId: request.reservationId,
      state: "open",
      expiresAtMs: nowMs + request.expiresInMs,
      endedAtMs: null,
      charges: [...admission.charges],
    },
    moves: reserveMoves(admission.charges),
    limits: admission.limits,
  };
}

export interface TenantChange {
  readonly moves: CounterMove[];
  /** Null = forget it: a released reservation leaves nothing, and its id may be reserved again after a reload. */
  readonly reservation: TenantReservation | null;
}

const isReleased = ({ charge }: TenantSettle): boolean =>
  charge !== null && charge.requests === 0 && charge.tokens === 0;

/** Null where nothing changes: unknown, or settled before. */
export function settleTenantReservation(
  reservation: TenantReservation | null,
  request: TenantSettle,
  nowMs: number,
): TenantChange | null {
  if (reservation === null) return null;
  const { state, charges } = reservation;
  if (state !== "open" && state !== "expired") return null;
  return {
    moves: settleMoves(state, charges, request.charge),
    reservation: isReleased(request) ? null : { ...reservation, state: "settled", endedAtMs: nowMs },
  };
}

export const expireTenantReservation = (
  reservation: TenantReservation,
  nowMs: number,
): { readonly reservation: TenantReservation; readonly moves: CounterMove[] } => ({
  reservation: { ...reservation, state: "expired", endedAtMs: nowMs },
  moves: expiryMoves(reservation.charges),
});

/**
 * The same id again is the same call again (its first answer was lost): what it held is freed before it is judged anew.
 * Null when it has ended: an id is never used twice.
 */
export const reopenMoves = (reservation: TenantReservation): CounterMove[] | null =>
  reservation.state === "open" ? takeBackMoves(reservation.charges) : null;
