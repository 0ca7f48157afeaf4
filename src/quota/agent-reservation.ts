/** A reservation as an agent's ledger keeps it, from the ask to its one end. Pure. */
import * as z from "zod";
import { AgentId, ApprovalId, DecisionId, ReservationId, TenantId } from "../kernel/ids.ts";
import { ENFORCE_RESERVATION_MS, RELAY_RESERVATION_MS, RESERVATION_GRACE_MS } from "../kernel/limits.ts";
import { Home } from "../residency/home.ts";
import { RequestHash } from "./approval-contracts.ts";
import {
  LimitState,
  RecordNumber,
  Replaced,
  ReservationSubject,
  type ReserveRequest,
  type SettleReply,
} from "./contracts.ts";
import type { Charge } from "./counter-book.ts";
import { Meter, Window } from "./limit-claim.ts";
import { actualOf, knownCostOf, type SettleOutcome } from "./settlement.ts";

const amount = z.int().min(0);

const StoredCharge: z.ZodType<Charge> = z.object({
  counter: z.string(),
  window: Window,
  bucket: z.int(),
  meter: Meter,
  amount,
});

export const Charged = z.object({ requests: amount, tokens: amount, costNanoUsd: amount.nullable() });
export type Charged = z.infer<typeof Charged>;

export const AgentReservation = z.object({
  reservationId: ReservationId,
  state: z.enum(["open", "settled", "expired"]),
  expiresAtMs: z.int(),
  endedAtMs: z.int().nullable(),
  /** Of the agent's own counters and of slices of the tenant's. */
  charges: z.array(StoredCharge),
  decisionId: DecisionId,
  /** The decision's number. */
  number: z.int().min(1),
  candidate: z.int().min(0),
  purpose: z.enum(["relay", "enforce"]),
  home: Home,
  tenantId: TenantId,
  agentId: AgentId,
  subject: ReservationSubject,
  reservedTokens: amount,
  reservedCostNanoUsd: amount.nullable(),
  /** Whether the tenant's ledger holds a part (tenant-wide concurrency). */
  tenantWide: z.boolean(),
  /** Under which id it does; null in documents of before, where it was the reservation's own. */
  permitId: ReservationId.nullable().default(null),
  limits: z.array(LimitState),
  charged: Charged,
  /** What it was charged when it expired, if it was settled after that. */
  replaced: Replaced.nullable().default(null),
  /** Of the settlement's record, which a repeated settlement is told again. */
  settledNumber: RecordNumber.nullable().default(null),
  /** The approval it spent. */
  approvalId: ApprovalId.nullable().default(null),
  /** What that was for: no other request is a replay of this one. */
  approvedHash: RequestHash.nullable().default(null),
});
export type AgentReservation = z.infer<typeof AgentReservation>;

export const NOTHING_CHARGED: Charged = { requests: 0, tokens: 0, costNanoUsd: 0 };

/**
 * How long a reservation may be under way at most, renewals included. The relay ends before that, by the grace: so a
 * relay that ends in time always settles first.
 */
export const longestLifeMs = (purpose: ReserveRequest["purpose"], relayMaxMs: number): number =>
  purpose === "relay" ? relayMaxMs + RESERVATION_GRACE_MS : ENFORCE_RESERVATION_MS;

/** How long a reservation lasts that is not renewed. */
export const reservationLifeMs = (purpose: ReserveRequest["purpose"], relayMaxMs: number): number =>
  purpose === "relay"
    ? Math.min(RELAY_RESERVATION_MS, longestLifeMs(purpose, relayMaxMs))
    : ENFORCE_RESERVATION_MS;

type Reserved = Pick<AgentReservation, "reservedTokens" | "reservedCostNanoUsd">;

export function chargedOf(
  { reservedTokens, reservedCostNanoUsd }: Reserved,
  outcome: SettleOutcome,
): Charged {
  const cost = { meter: "cost", amount: reservedCostNanoUsd ?? 0 } as const;
  const isPriced = reservedCostNanoUsd !== null || knownCostOf(outcome) !== null;
  return {
    requests: actualOf({ meter: "requests", amount: 1 }, outcome),
    tokens: actualOf({ meter: "tokens", amount: reservedTokens }, outcome),
    costNanoUsd: isPriced ? actualOf(cost, outcome) : null,
  };
}

export const settleReplyOf = (
  outcome: SettleReply["outcome"],
  { requests, tokens, costNanoUsd }: Charged,
  number: RecordNumber,
  replaced: Replaced | null = null,
): SettleReply => ({
  outcome,
  chargedRequests: requests,
  chargedTokens: tokens,
  chargedCostNanoUsd: costNanoUsd,
  replaced,
  number,
  recorded: false,
});

/** Whether the whole was given back: then nothing was charged, and a known request id has nothing to replay. */
export const isGivenBack = ({ state, charged }: AgentReservation): boolean =>
  state === "settled" && charged.requests === 0;
