/**
 * Decisions on what waits: commit in D1 with the record, then the agent's own ledger, then answer, as changes of agents
 * are made. An answer means that the ledger acknowledged. What it has not is put again by the same decision repeated, and
 * by the scheduled sweep.
 */
import type { Approval } from "../approval/approval.ts";
import type { ApprovalStore, StoredApproval } from "../approval/approvals.store.ts";
import { asked } from "../kernel/asked.ts";
import type { Clock } from "../kernel/clock.ts";
import type { ApprovalId } from "../kernel/ids.ts";
import { type Refusal, refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { type Timestamp, timestampOf } from "../kernel/timestamp.ts";
import type { AgentLedgers } from "../quota/ledgers.ts";
import type { Home } from "../residency/home.ts";
import type { ChangeLog } from "./change-log.store.ts";
import { firstFound } from "./databases.ts";
import type { Caller } from "./operation.ts";
import type { Background, DeliverOutbox } from "./outbox-delivery.ts";
import { canSee, notFound } from "./tenant-access.ts";

export interface ApprovalLedgerDeps {
  readonly approvals: ApprovalStore;
  readonly agentLedgers: Pick<AgentLedgers, "decideApproval">;
}

export interface ApprovalWriterDeps extends ApprovalLedgerDeps {
  /** Those that have their stores in this deployment. */
  readonly homes: readonly Home[];
  readonly changes: Pick<ChangeLog, "statement">;
  readonly deliverOutbox: DeliverOutbox;
  readonly background: Background;
  readonly clock: Clock;
}

export interface Decision {
  readonly decision: "approved" | "denied";
  readonly reason: string | null;
  /** Of a denial null: it lasts for the rest of the time to decide. */
  readonly expiresInSeconds: number | null;
}

/** A lost race is looked at once more: the approval is decided by then, or has expired. */
const MAX_ATTEMPTS = 2;

export async function decideApproval(
  deps: ApprovalWriterDeps,
  caller: Caller,
  id: ApprovalId,
  { decision, reason, expiresInSeconds }: Decision,
): Promise<Result<Approval>> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const found = await findApproval(deps, caller, id);
    if (!found.ok) return found;
    const from = found.value;
    const { approval, home } = from;
    if (approval.askedBy.includes(caller.apiKey.id)) return fail(refuse("approval_own_request"));
    if (approval.status === decision) return acknowledged(deps, from);
    if (approval.status !== "pending") return fail(refuse(decidedCodes[approval.status]));

    const nowMs = deps.clock();
    const at = timestampOf(nowMs);
    const expiresAt: Timestamp =
      expiresInSeconds === null ? approval.expiresAt : timestampOf(nowMs + expiresInSeconds * 1_000);
    const operation = `approval.${decision === "approved" ? "approve" : "deny"}`;
    const facts = { caller, scope: approval.tenantId, home, operation, objectId: id };
    const companion = deps.changes.statement({ ...facts, revision: null, nowMs });
    const decidedBy = caller.apiKey.id;
    const committed = await deps.approvals.decide({
      from,
      decision,
      decidedBy,
      at,
      expiresAt,
      reason,
      companion,
    });
    if (!committed.ok) return committed;
    if (committed.value === "outdated") continue;
    deps.background(asked(() => deps.deliverOutbox(approval.tenantId, home)));
    const decided = { ...approval, status: decision, decidedBy, decidedAt: at, expiresAt, reason };
    return acknowledged(deps, { approval: decided, home, acknowledged: false });
  }
  return fail(refuse("write_in_progress"));
}

const decidedCodes = {
  approved: "approval_decided",
  denied: "approval_decided",
  used: "approval_used",
  expired: "approval_expired",
} as const;

/** Ids do not tell the home. What another tenant asks for is as absent as what nobody asks for. */
export async function findApproval(
  { approvals, homes, clock }: Pick<ApprovalWriterDeps, "approvals" | "homes" | "clock">,
  { apiKey }: Pick<Caller, "apiKey">,
  id: ApprovalId,
): Promise<Result<StoredApproval>> {
  const found = await firstFound(homes.map((home) => approvals.find(home, id, clock())));
  if (!found.ok) return found;
  return found.value !== null && canSee(apiKey, found.value.approval.tenantId)
    ? ok(found.value)
    : fail(notFound("approval"));
}

async function acknowledged(deps: ApprovalLedgerDeps, stored: StoredApproval): Promise<Result<Approval>> {
  if (stored.acknowledged) return ok(stored.approval);
  const outcome = await putDecision(deps, stored);
  if (outcome === null) return fail(unreached(stored.approval));
  // The ledger's clock is ahead: to it, the time to decide was over.
  return outcome === "unknown" ? fail(refuse("approval_expired")) : ok(stored.approval);
}

/** Null where the ledger could not be reached. Repeating is harmless. */
export async function putDecision(
  { approvals, agentLedgers }: ApprovalLedgerDeps,
  { approval, home }: StoredApproval,
): Promise<"decided" | "spent" | "unknown" | null> {
  const { id, tenantId, agentId, status, decidedBy, expiresAt } = approval;
  // Nothing else is ever unacknowledged.
  if (decidedBy === null) return null;
  const put = await agentLedgers.decideApproval({
    v: 1,
    home,
    tenantId,
    agentId,
    approvalId: id,
    decision: status === "denied" ? "denied" : "approved",
    decidedBy,
    expiresAtMs: Date.parse(expiresAt),
  });
  if (!put.ok) return null;
  // One that D1 does not learn of only makes the sweep put the same decision again.
  await approvals.acknowledge(home, id);
  return put.value.outcome;
}

const unreached = ({ id }: Approval): Refusal =>
  refuse("ledger_unavailable", {
    message: `The decision on ${id} is committed, but its ledger could not be reached; it will be repeated until it takes effect.`,
  });
