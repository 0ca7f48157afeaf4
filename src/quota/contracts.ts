/**
 * The ledgers' RPC contracts. Worker and ledger may run different versions during a deploy, so every message carries
 * `v`, fields are only ever added, and both sides parse what they receive.
 */
import * as z from "zod";
import { AgentId, ApprovalId, DecisionId, ReservationId, Scope, TenantId } from "../kernel/ids.ts";
import { MAX_CANDIDATES } from "../kernel/limits.ts";
import { refusalCodes } from "../kernel/refusal.ts";
import { Revisions } from "../policy/snapshot.ts";
import { Home } from "../residency/home.ts";
import { ApprovalAsk, WaitingApproval } from "./approval-contracts.ts";
import type { CompletionDraft } from "./completion-record.ts";
import { LedgerCaller } from "./ledger-caller.ts";
import { LimitClaim, Meter, QuotaScope, Window } from "./limit-claim.ts";
import { SliceReply, SliceRequest } from "./slice-contracts.ts";
import { MadeObject, StoredObject, StoredObjectKey, UsedObject } from "./stored-object-contracts.ts";
import { UsedProof } from "./used-proof.ts";

const v = z.literal(1);
const tokens = z.int().min(0);

/** Where the caller's token is bound to a key. */
const proof = UsedProof.nullable().optional();
/** Which proof the ledger has taken as used. A ledger of before knows of none. */
const proofId = UsedProof.shape.proofId.nullable().optional();

/** What the ledger repeats in the record when a reservation is abandoned, since nobody else is left to say it. */
export const ReservationSubject = z.strictObject({
  requestId: z.string(),
  action: z.string(),
  resource: z.string(),
  /** Salted hash of the end user, if named. */
  endUser: z.string().nullable().default(null),
});
export type ReservationSubject = z.infer<typeof ReservationSubject>;

export const LedgerCandidate = z.strictObject({
  /** All are reserved together or none; agent scope in the agent's ledger, tenant scope in the tenant's. */
  claims: z.array(LimitClaim).max(64),
  /** What the reservation holds at most, even where no limit counts it. */
  reservedTokens: tokens,
  /** Null where no price is known; then no claim counts cost. */
  reservedCostNanoUsd: tokens.nullable().default(null),
  /** Charged only by spending an approval of this very request. */
  needsApproval: z.boolean().optional(),
});
export type LedgerCandidate = z.infer<typeof LedgerCandidate>;

export const ReserveRequest = z.strictObject({
  v,
  caller: LedgerCaller,
  /** Minted by the Worker, never taken from a caller. */
  reservationId: ReservationId,
  decisionId: DecisionId,
  snapshot: Revisions,
  /** `relay`: the gateway calls Azure. `enforce`: the caller does, and unreported usage settles in full. */
  purpose: z.enum(["relay", "enforce"]),
  /** In order; the first with room is charged. */
  candidates: z.array(LedgerCandidate).min(1).max(MAX_CANDIDATES),
  /** `/v1/enforce` is idempotent on the caller's request id for 10 minutes. */
  idempotency: z.strictObject({ requestId: z.string().min(1).max(200), askHash: z.string() }).nullable(),
  subject: ReservationSubject,
  /** Where some candidate needs approval. */
  approval: ApprovalAsk.nullable().optional(),
  /** The stored answer that the call continues. */
  uses: UsedObject.nullable().optional(),
  proof,
});
export type ReserveRequest = z.infer<typeof ReserveRequest>;

/** Where a record's number comes from: the ledger's source name and the number it gave out. */
export const RecordNumber = z.strictObject({ source: z.string().min(1).max(200), n: z.int().min(1) });
export type RecordNumber = z.infer<typeof RecordNumber>;

export const LimitState = z.strictObject({
  owner: z.string(),
  scope: QuotaScope,
  meter: Meter,
  window: Window,
  limit: z.int(),
  left: z.int(),
  /**
   * Allowed: when the whole limit is free again. Refused: when this ask would have room, if nothing else is asked.
   * Null where time alone frees nothing: calls under way, or an ask larger than the limit.
   */
  resetsAtMs: z.int().nullable(),
});
export type LimitState = z.infer<typeof LimitState>;

/** A refusal as it crosses RPC; the Refusal type of the kernel with its code checked. */
export const LedgerRefusal = z.object({
  code: z.enum(refusalCodes),
  message: z.string(),
  retryAfterSeconds: z.int().min(0).optional(),
  /** The limit that bound. */
  limit: LimitState.optional(),
  /** Which approval the request waits for, or was denied. */
  approvalId: ApprovalId.optional(),
  evidence: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]))
    .optional(),
});
export type LedgerRefusal = z.infer<typeof LedgerRefusal>;

/** How many ancestors of the caller's token were held against what was revoked; a ledger of before looks at none. */
const ancestorsHeld = z.int().min(0).optional();

/** The ledger's clock at its answer, so that other clocks can read its moments as durations. */
const atMs = z.int().optional();

export const stale = z.strictObject({ outcome: z.literal("stale"), revisions: Revisions });
const refused = z.strictObject({
  outcome: z.literal("refused"),
  refusal: LedgerRefusal,
  revisions: Revisions,
  number: RecordNumber,
  atMs,
});

export const ReserveReply = z.discriminatedUnion("outcome", [
  z.strictObject({
    outcome: z.literal("reserved"),
    /** Index into the request's candidates. */
    candidate: z.int().min(0),
    /** The first decision's id and reservation on a replay, the request's own otherwise. */
    decisionId: DecisionId,
    reservationId: ReservationId,
    replayed: z.boolean(),
    /** What the reservation holds: on a replay, what the first call was charged for. */
    reservedTokens: tokens,
    /** The relay's hard limit, as a duration from before the Worker asked. */
    relayMaxMs: z.int().min(0),
    limits: z.array(LimitState),
    revisions: Revisions,
    number: RecordNumber,
    atMs,
    /** Which approval the reservation spent. A ledger of before knows of none. */
    approvalId: ApprovalId.nullable().optional(),
    ancestorsHeld,
    /** Where the stored answer is that the call continues. A ledger of before knows of none. */
    object: StoredObject.nullable().optional(),
    proofId,
  }),
  stale,
  refused.extend({ waiting: WaitingApproval.nullable().optional() }),
]);
export type ReserveReply = z.infer<typeof ReserveReply>;

/** Asked before an authenticated refusal (or a call that charges nothing) is answered: is its snapshot still current? */
export const ConfirmRequest = z.strictObject({
  v,
  caller: LedgerCaller,
  snapshot: Revisions,
  /** The stored answer that is asked for. */
  object: StoredObjectKey.nullable().optional(),
  proof,
});
export type ConfirmRequest = z.infer<typeof ConfirmRequest>;

export const ConfirmReply = z.discriminatedUnion("outcome", [
  z.strictObject({
    outcome: z.literal("confirmed"),
    revisions: Revisions,
    number: RecordNumber,
    ancestorsHeld,
    proofId,
    /** Where it is; null = this agent has none of that name. Absent: a ledger of before, which did not look. */
    object: StoredObject.nullable().optional(),
  }),
  stale,
  refused,
]);
export type ConfirmReply = z.infer<typeof ConfirmReply>;

/** Asked while a call is relayed: its reservation runs out soon after the last renewal. It charges nothing and takes no number. */
export const RenewRequest = z.strictObject({ v, caller: LedgerCaller, reservationId: ReservationId });
export type RenewRequest = z.infer<typeof RenewRequest>;

export const RenewReply = z.discriminatedUnion("outcome", [
  /** `revisions`: those of the lease, so that what has changed since the call was decided is seen. */
  z.strictObject({ outcome: z.literal("renewed"), revisions: Revisions.optional() }),
  /** The agent may not go on. */
  z.strictObject({ outcome: z.literal("refused"), refusal: LedgerRefusal }),
  /** No such reservation is open: it ended, ran out, was lost in a crash, or never was. The agent may go on. */
  z.strictObject({ outcome: z.literal("unknown"), revisions: Revisions.optional() }),
]);
export type RenewReply = z.infer<typeof RenewReply>;

export const Usage = z.strictObject({
  promptTokens: tokens,
  /** Of the prompt tokens, those that Azure read from its cache; records from before this was read lack it. */
  cachedPromptTokens: tokens.default(0),
  completionTokens: tokens,
  totalTokens: tokens,
});
export type Usage = z.infer<typeof Usage>;

export const Settle = z.strictObject({
  v,
  caller: z.strictObject({ home: Home, tenantId: TenantId, agentId: AgentId }),
  reservationId: ReservationId,
  /** Whose reservation it is to the caller's knowledge: one of another purpose is unknown to it. */
  purpose: z.enum(["relay", "enforce"]),
  /** `used`: actual usage. `as_reserved`: usage of tokens never came. `released`: Azure was not reached, or does not bill it. */
  outcome: z.discriminatedUnion("kind", [
    /** `costNanoUsd`: what the usage costs at the price of the backend that answered; null = no price is known. */
    z.strictObject({ kind: z.literal("used"), usage: Usage, costNanoUsd: tokens.nullable().default(null) }),
    /** `costNanoUsd`: of a call that is not billed by tokens, where its answer told what it is billed by. */
    z.strictObject({ kind: z.literal("as_reserved"), costNanoUsd: tokens.optional() }),
    z.strictObject({ kind: z.literal("released") }),
  ]),
  /** What Azure keeps because of the call. */
  made: MadeObject.nullable().optional(),
  /** The call's record but for what the ledger adds; the audit consumer reads it, as it reads every record. */
  completion: z.custom<CompletionDraft>().nullable().default(null),
});
export type Settle = z.infer<typeof Settle>;

/** What an expired reservation was charged, and when: the call that settles after all replaces it. */
export const Replaced = z.strictObject({
  atMs: z.int().min(0),
  requests: tokens,
  tokens,
  costNanoUsd: tokens.nullable(),
});
export type Replaced = z.infer<typeof Replaced>;

export const SettleReply = z.strictObject({
  /** `unknown`: no such reservation; nothing was changed. `repeated`: settled before; nothing was changed. */
  outcome: z.enum(["settled", "corrected", "repeated", "unknown"]),
  chargedTokens: tokens,
  chargedRequests: tokens,
  /** Null where no price is known. */
  chargedCostNanoUsd: tokens.nullable().default(null),
  /** Where the settlement came after the expiry (`corrected`, and its repetitions); null otherwise. */
  replaced: Replaced.nullable().default(null),
  number: RecordNumber,
  /** Whether the ledger has taken the completion's record upon itself. */
  recorded: z.boolean().default(false),
});
export type SettleReply = z.infer<typeof SettleReply>;

/** Agent state as the control plane writes it to the agent's own ledger; the highest version wins. */
export const AgentState = z.strictObject({
  v,
  home: Home,
  tenantId: TenantId,
  agentId: AgentId,
  version: z.int().min(1),
  status: z.enum(["active", "disabled", "deleted"]),
});
export type AgentState = z.infer<typeof AgentState>;

/** A lease is a duration: the holder counts from before it asked, the grantor from its answer plus a margin. */
export const LeaseRequest = z.strictObject({
  v,
  scope: Scope,
  home: Home,
  /** What an agent's ledger holds and asks of tenant-wide budgets; null where it has none. */
  slices: SliceRequest.nullable().default(null),
  /** What a busy tenant's ledger needs of the platform's: no lease outlives the one above it. */
  wantedMs: z.int().min(0).default(0),
});
export type LeaseRequest = z.infer<typeof LeaseRequest>;
export const LeaseReply = z.strictObject({
  durationMs: z.int().min(0),
  revisions: Revisions,
  slices: SliceReply.nullable().default(null),
});
export type LeaseReply = z.infer<typeof LeaseReply>;

/** Tenant-wide concurrency is never sliced: each call asks the tenant's ledger, one hop from the agent's. */
export const TenantReserve = z.strictObject({
  v,
  scope: Scope,
  home: Home,
  reservationId: ReservationId,
  claims: z.array(LimitClaim).min(1).max(64),
  expiresInMs: z.int().min(0),
});
export type TenantReserve = z.infer<typeof TenantReserve>;
export const TenantReserveReply = z.discriminatedUnion("outcome", [
  z.strictObject({ outcome: z.literal("reserved"), limits: z.array(LimitState) }),
  z.strictObject({ outcome: z.literal("refused"), refusal: LedgerRefusal }),
]);
export type TenantReserveReply = z.infer<typeof TenantReserveReply>;

/** The call is no longer under way. */
export const TenantSettle = z.strictObject({ v, reservationId: ReservationId });
export type TenantSettle = z.infer<typeof TenantSettle>;
