/** What ledgers tell of themselves without being changed by it: live counters, and what a reservation is for. */
import * as z from "zod";
import { AgentId, DecisionId, ReservationId, TenantId } from "../kernel/ids.ts";
import { LIST_MAX_LIMIT } from "../kernel/limits.ts";
import { Revisions } from "../policy/snapshot.ts";
import { Home } from "../residency/home.ts";
import { AgentState, ReservationSubject } from "./contracts.ts";

const v = z.literal(1);
const amount = z.int().min(0);
const caller = z.strictObject({ home: Home, tenantId: TenantId, agentId: AgentId });

export const StateRequest = z.strictObject({
  v,
  caller,
  /** The name of the last counter of the page before. */
  after: z.string(),
  limit: z.int().min(1).max(LIST_MAX_LIMIT),
});
export type StateRequest = z.infer<typeof StateRequest>;

export const CounterState = z.strictObject({
  counter: z.string(),
  /** Settled and reserved together; more than a limit where usage was above what was reserved. */
  used: amount,
  reserved: amount,
  /** When all of it has left the window; null for calls under way. */
  endsAtMs: z.int().nullable(),
  /** Of a tenant-wide budget, what this agent holds of it, used or not; null for the agent's own counters. */
  held: amount.nullable(),
});
export type CounterState = z.infer<typeof CounterState>;

export const StateReply = z.strictObject({
  /** Null where the ledger has never been told of its agent. */
  agent: z.strictObject({ version: AgentState.shape.version, status: AgentState.shape.status }).nullable(),
  openReservations: amount,
  /** Whether the ledger is so busy that it writes its counters ahead of use. */
  chargesAhead: z.boolean(),
  /** By name. */
  counters: z.array(CounterState),
  more: z.boolean(),
  revisions: Revisions,
});
export type StateReply = z.infer<typeof StateReply>;

export const ReservationRequest = z.strictObject({ v, caller, reservationId: ReservationId });
export type ReservationRequest = z.infer<typeof ReservationRequest>;

/** Null where the ledger knows no such reservation any more. */
export const ReservationReply = z
  .strictObject({
    purpose: z.enum(["relay", "enforce"]),
    decisionId: DecisionId,
    subject: ReservationSubject,
    /** Of a relay, when it was last renewed. */
    reservedAtMs: z.int(),
  })
  .nullable();
export type ReservationReply = z.infer<typeof ReservationReply>;

export const TotalsRequest = z.strictObject({ v, counters: z.array(z.string()).max(1_000) });
export type TotalsRequest = z.infer<typeof TotalsRequest>;

/** What all agents of the tenant hold together, in the order asked. */
export const TotalsReply = z.strictObject({ used: z.array(amount) });
export type TotalsReply = z.infer<typeof TotalsReply>;
