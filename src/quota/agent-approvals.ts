/**
 * The approvals of one agent, in its own ledger. One that is approved lets one request through, once: it is spent in the
 * step that charges, so nothing can come between. It is found by the hash of its whole request, so no other request can
 * spend it. A decision never makes an approval that the ledger does not know: one that comes again changes nothing. Pure.
 */
import * as z from "zod";
import { ApiKeyId, ApprovalId } from "../kernel/ids.ts";
import {
  APPROVAL_GRACE_MS,
  APPROVAL_PENDING_MS,
  MAX_APPROVAL_ASKERS,
  MAX_PENDING_APPROVALS,
} from "../kernel/limits.ts";
import { NothingChanged } from "./agent-gate.ts";
import {
  type ApprovalAsk,
  type ApprovalDecision,
  type ApprovalDecisionReply,
  RequestHash,
  type WaitingApproval,
} from "./approval-contracts.ts";
import type { LedgerRefusal } from "./contracts.ts";
import { ledgerRefusal } from "./ledger-refusal.ts";

export const AgentApproval = z.object({
  approvalId: ApprovalId,
  requestHash: RequestHash,
  state: z.enum(["pending", "approved", "denied", "spent"]),
  askedBy: z.array(ApiKeyId),
  /** Null until it is decided. */
  decidedBy: ApiKeyId.nullable(),
  requestedAtMs: z.int(),
  expiresAtMs: z.int(),
});
export type AgentApproval = z.infer<typeof AgentApproval>;

export interface ApprovalRows {
  putApproval(approval: AgentApproval): void;
  findApproval(approvalId: string): AgentApproval | null;
  approvalsOf(requestHash: string): readonly AgentApproval[];
  /** How many wait at this moment. */
  pendingApprovals(nowMs: number): number;
}

/** Why a request that needs approval is not let through; `waiting` where somebody can still decide. */
export interface Unapproved {
  readonly refusal: LedgerRefusal;
  readonly waiting: WaitingApproval | null;
}

export class AgentApprovals {
  readonly #rows: ApprovalRows;

  constructor(rows: ApprovalRows) {
    this.#rows = rows;
  }

  /** For this very request, approved by somebody else than whoever asks, and not spent yet. */
  spendable(ask: ApprovalAsk | null | undefined, nowMs: number): AgentApproval | null {
    if (!ask) return null;
    const approval = this.#live(ask, nowMs);
    return approval?.state === "approved" && !isOwn(approval, ask) ? approval : null;
  }

  spend(approval: AgentApproval): void {
    this.#rows.putApproval({ ...approval, state: "spent" });
  }

  /** No candidate without approval had room: what is answered, and who has asked is noted. */
  wait(ask: ApprovalAsk | null | undefined, nowMs: number): Unapproved {
    if (!ask) throw new NothingChanged("A candidate needs an approval that nobody asks for.");
    const known = this.#live(ask, nowMs);
    if (known === null) return this.#begin(ask, nowMs);
    const { approvalId } = known;
    const refused = (code: Parameters<typeof ledgerRefusal>[0]): Unapproved => ({
      refusal: ledgerRefusal(code, { approvalId }),
      waiting: null,
    });
    if (known.state === "denied") return refused("approval_denied");
    // It may also have been approved while this ask was judged: then the next one finds it.
    if (known.state === "approved")
      return refused(isOwn(known, ask) ? "approval_own_request" : "pending_approval");
    const askedBy = [...new Set([...known.askedBy, ...ask.keyIds])].slice(0, MAX_APPROVAL_ASKERS);
    const approval = { ...known, askedBy };
    if (askedBy.length > known.askedBy.length) this.#rows.putApproval(approval);
    return waitingFor(approval, false);
  }

  decide(
    { approvalId, decision, decidedBy, expiresAtMs }: ApprovalDecision,
    nowMs: number,
  ): ApprovalDecisionReply {
    const known = this.#rows.findApproval(approvalId);
    if (known === null || nowMs >= known.expiresAtMs + APPROVAL_GRACE_MS) return { outcome: "unknown" };
    if (known.state === "spent") return { outcome: "spent" };
    // The first decision is the one that was committed; its repetitions must not prolong it.
    if (known.state === "pending")
      this.#rows.putApproval({ ...known, state: decision, decidedBy, expiresAtMs });
    return { outcome: "decided" };
  }

  #begin({ approvalId, requestHash, keyIds }: ApprovalAsk, nowMs: number): Unapproved {
    // The platform repeated the call: what has been spent or has lapsed since must not begin again under its name.
    if (this.#rows.findApproval(approvalId) !== null)
      return { refusal: ledgerRefusal("pending_approval", { approvalId }), waiting: null };
    if (this.#rows.pendingApprovals(nowMs) >= MAX_PENDING_APPROVALS)
      return { refusal: ledgerRefusal("approvals_exhausted"), waiting: null };
    const approval: AgentApproval = {
      approvalId,
      requestHash,
      state: "pending",
      askedBy: [...new Set(keyIds)],
      decidedBy: null,
      requestedAtMs: nowMs,
      expiresAtMs: nowMs + APPROVAL_PENDING_MS,
    };
    this.#rows.putApproval(approval);
    return waitingFor(approval, true);
  }

  #live({ requestHash }: Pick<ApprovalAsk, "requestHash">, nowMs: number): AgentApproval | null {
    const live = this.#rows
      .approvalsOf(requestHash)
      .filter(({ state, expiresAtMs }) => state !== "spent" && nowMs < expiresAtMs);
    return live.find(({ state }) => state !== "pending") ?? live[0] ?? null;
  }
}

const isOwn = ({ decidedBy }: AgentApproval, { keyIds }: ApprovalAsk): boolean =>
  decidedBy !== null && keyIds.includes(decidedBy);

const waitingFor = (
  { approvalId, requestHash, askedBy, requestedAtMs, expiresAtMs }: AgentApproval,
  isNew: boolean,
): Unapproved => ({
  refusal: ledgerRefusal("pending_approval", { approvalId }),
  waiting: { approvalId, isNew, requestHash, askedBy, requestedAtMs, expiresAtMs },
});
