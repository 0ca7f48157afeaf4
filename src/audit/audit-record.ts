/**
 * Record v1: one entry of the audit log. (source, n) is its identity: sources count without holes, so a lost record
 * is a visible gap and a repeated one is stored once. No token, key, prompt or answer ever enters a record.
 */
import * as z from "zod";
import { UsedUnits } from "../azure/unit.ts";
import { AgentId, ApprovalId, DecisionId, PolicyId, Scope, TokenId } from "../kernel/ids.ts";
import { refusalCodes } from "../kernel/refusal.ts";
import { Timestamp } from "../kernel/timestamp.ts";
import { Action } from "../policy/action.ts";
import { Classification } from "../policy/classification.ts";
import { Revisions } from "../policy/snapshot.ts";
import { Usage } from "../quota/contracts.ts";
import { StoredObjectKey } from "../quota/stored-object-contracts.ts";
import { Home } from "../residency/home.ts";
import { Place } from "../residency/place.ts";
import { DecisionInputs, TraceEntry } from "./decision-inputs.ts";

const common = {
  v: z.literal(1),
  source: z.string().min(1).max(200),
  n: z.int().min(1),
  /**
   * Numbers a restarted source gave up, or that of a refusal which was judged again: where one of them has no record,
   * that is no loss.
   */
  skipped: z
    .strictObject({ from: z.int().min(1), to: z.int().min(1) })
    .nullable()
    .default(null),
  at: Timestamp,
  home: Home,
  /** The tenant, or `platform`. */
  tenantId: Scope,
  requestId: z.string().max(200),
};

export const DecisionOutcome = z.enum(["allowed", "denied", "pending_approval"]);
export type DecisionOutcome = z.infer<typeof DecisionOutcome>;

const reasonCode = z.union([z.literal("allowed"), z.enum(refusalCodes)]);

export const Reason = z.strictObject({
  code: reasonCode,
  message: z.string(),
});
export type Reason = z.infer<typeof Reason>;

/** Where a call was sent. */
const sentTo = z.strictObject({ id: z.string(), region: z.string(), sku: z.string() });
const backend = sentTo.nullable();

/** Which policies in shadow, each alone beside the live ones, would have ended the decision otherwise. */
export const ShadowOutcome = z.strictObject({
  /** How many there were. */
  judged: z.int().min(1),
  flips: z.array(
    z.strictObject({
      policyId: PolicyId,
      to: DecisionOutcome,
      code: reasonCode,
      /** `admission`: judged before the body was read, so known is only that it would have come to that. */
      basis: z.enum(["ask", "admission"]),
    }),
  ),
  /** Further flips than stand here. */
  more: z.int().min(0),
});

/** Null where there was none, and in records from before it stood here. */
const storedObject = StoredObjectKey.nullable().default(null);

export const DecisionRecord = z.strictObject({
  ...common,
  kind: z.literal("decision"),
  decisionId: DecisionId,
  decision: DecisionOutcome,
  reasons: z.array(Reason),
  /**
   * `exchange`: of a token for a child of it. `stored_object`: an answer that Azure keeps is read, cancelled or deleted.
   * `unserved`: no such path is served.
   */
  surface: z.enum(["relay", "enforce", "model_list", "exchange", "stored_object", "unserved"]),
  /** What was asked for on the last two; null on the others, and in records from before them. */
  route: z.string().max(400).nullable().default(null),
  /** The stored answer that was asked for or continued, by the digest of its id. */
  storedObject,
  agentId: AgentId.nullable(),
  tokenId: TokenId.nullable(),
  /**
   * Of an exchanged token: who acts, the present one first, and the tokens it comes from, the root first. Null where the
   * agent itself acts with a token that was issued to it, and in records from before tokens were exchanged.
   */
  delegation: z
    .strictObject({ actors: z.array(AgentId), ancestors: z.array(TokenId) })
    .nullable()
    .default(null),
  action: Action.nullable(),
  resource: z.string().nullable(),
  classification: Classification.nullable(),
  /** Salted hash of the end user, if named. */
  endUser: z.string().nullable(),
  policyIds: z.array(z.string()),
  revisions: Revisions.nullable(),
  place: Place.omit({ clientAddress: true }),
  /**
   * Where it was sent first; where Azure refused it there, the completion's `attempts` say where it went next. Null where
   * nothing was sent to Azure, and in records from before it was told here.
   */
  backend: backend.default(null),
  reservedTokens: z.int().min(0).nullable(),
  /** The approval that the request waits for, was denied, or has spent. */
  approvalId: ApprovalId.nullable().default(null),
  /** Whether texts that policies deny were removed from the prompt; which ones, no record says. */
  stripped: z.boolean().default(false),
  /** What policies in shadow would have made of it; null where none was judged, and in older records. */
  shadow: ShadowOutcome.nullable().default(null),
  /** The evaluation, as far as it fits. Records from before it stood here may have one in `detail`. */
  trace: z.array(TraceEntry).default([]),
  /** Lines of it that do not fit. */
  traceLinesCut: z.int().min(0).default(0),
  /** Null where no capability was read, and in records from before they were kept. */
  inputs: DecisionInputs.nullable().default(null),
  /** Of a refusal: its evidence. Of an exchange: the child. Under `auditLogging: detailed`: parameters, obligations and limits. */
  detail: z.record(z.string(), z.json()).nullable(),
});
export type DecisionRecord = z.infer<typeof DecisionRecord>;

/** Salted hash of the end user, if named. */
const endUser = z.string().nullable().default(null);

/** Null where no price is known, or the ledger could not be reached. Records from before there were prices lack it. */
const chargedCostNanoUsd = z.int().min(0).nullable().default(null);

const CallEnding = z.enum([
  "complete",
  "client_gone",
  "upstream_error",
  "upstream_broken",
  "upstream_unreachable",
  "upstream_timeout",
  "relay_deadline",
  /** The ledger said that the agent may not go on: it was disabled, deleted or changed meanwhile. */
  "revoked",
  "unreported",
  /** The caller called Azure itself, and said how that ended. */
  "reported",
]);

/** One call to Azure. */
const Attempt = z.strictObject({
  backend: sentTo,
  end: CallEnding,
  /** Null where it never answered. */
  upstreamStatus: z.int().nullable(),
  durationMs: z.int().min(0),
});

/** How a reservation ended. A call has one, and one more for each attempt after one that Azure never answered. */
export const CompletionRecord = z.strictObject({
  ...common,
  kind: z.literal("completion"),
  decisionId: DecisionId,
  agentId: AgentId,
  action: Action,
  resource: z.string(),
  /** How the call, or what was done of it under this reservation, ended. */
  end: CallEnding,
  upstreamStatus: z.int().nullable(),
  /** Of the last attempt; null where nothing was sent. */
  backend,
  /**
   * Every call to Azure under this reservation, in order. Those before the last Azure refused and did not bill; `end`,
   * `backend` and `settlement` are the last one's. Empty where nothing was sent, and in older records.
   */
  attempts: z.array(Attempt).default([]),
  /** What Azure reported; null where it reported nothing. */
  usage: Usage.nullable(),
  /** How much of it there was that the call is billed by instead of tokens; absent = by tokens, or nobody told. */
  units: UsedUnits.optional(),
  settlement: z.enum(["used", "as_reserved", "released"]),
  /** Null where the ledger could not be reached: its alarm charges in full. */
  chargedTokens: z.int().min(0).nullable(),
  chargedCostNanoUsd,
  /** What the reported usage, or `units`, cost, charged or not; null where there is none, or no price for it. */
  usageCostNanoUsd: z.int().min(0).nullable().default(null),
  /**
   * What the ledger said. `unknown`: it lost this call in a crash, which nothing else will count. `unreached`: its
   * alarm will, as abandoned. Null in records from before this was written.
   */
  ledger: z.enum(["settled", "corrected", "repeated", "unknown", "unreached"]).nullable().default(null),
  /** What the abandoned record of this call was charged, and when: this record takes its place. */
  replaces: z
    .strictObject({
      at: Timestamp,
      requests: z.int().min(0),
      tokens: z.int().min(0),
      costNanoUsd: z.int().min(0).nullable(),
    })
    .nullable()
    .default(null),
  endUser,
  /** The answer that Azure keeps, by the digest of its id. */
  storedObject,
  durationMs: z.int().min(0),
});
export type CompletionRecord = z.infer<typeof CompletionRecord>;

/** Written by the ledger's alarm for a reservation that nobody settled; `decisionNumber` is its decision's n. */
export const AbandonedRecord = z.strictObject({
  ...common,
  kind: z.literal("abandoned"),
  decisionId: DecisionId,
  decisionNumber: z.int().min(1),
  agentId: AgentId,
  action: z.string(),
  resource: z.string(),
  /** `abandoned` for a relay that never settled, `unreported` for an /v1/enforce whose usage nobody reported. */
  reason: z.enum(["abandoned", "unreported"]),
  chargedTokens: z.int().min(0),
  chargedCostNanoUsd,
  endUser,
});
export type AbandonedRecord = z.infer<typeof AbandonedRecord>;

/**
 * Written by a ledger that was cut off while it charged ahead: what that charged and nobody is known to have used.
 * `skipped` are numbers that may never have been given out.
 */
export const EpochForfeitedRecord = z.strictObject({
  ...common,
  kind: z.literal("epoch_forfeited"),
  agentId: AgentId,
  counters: z.array(z.strictObject({ counter: z.string(), bucket: z.int(), amount: z.int().min(0) })),
  /** Further counters than stand here. */
  more: z.int().min(0),
});
export type EpochForfeitedRecord = z.infer<typeof EpochForfeitedRecord>;

/** A control-plane write. */
export const ChangeRecord = z.strictObject({
  ...common,
  kind: z.literal("change"),
  /** The id of the API key that wrote; of a token that was refreshed, its agent's. */
  actor: z.string(),
  /** Such as `policy.create`. */
  operation: z.string(),
  objectId: z.string(),
  revision: z.int().min(0).nullable(),
  /** Why, as its author said: of changes that want to know. */
  reason: z.string().optional(),
});
export type ChangeRecord = z.infer<typeof ChangeRecord>;

/** How often this minute a request was refused that nobody had authenticated: one record per minute and isolate. */
export const UnauthenticatedRecord = z.strictObject({
  ...common,
  kind: z.literal("unauthenticated"),
  /** The minute's start. */
  minute: Timestamp,
  counts: z.partialRecord(z.enum(refusalCodes), z.int().min(1)),
});
export type UnauthenticatedRecord = z.infer<typeof UnauthenticatedRecord>;

export const AuditRecord = z.discriminatedUnion("kind", [
  DecisionRecord,
  CompletionRecord,
  AbandonedRecord,
  EpochForfeitedRecord,
  ChangeRecord,
  UnauthenticatedRecord,
]);
export type AuditRecord = z.infer<typeof AuditRecord>;
