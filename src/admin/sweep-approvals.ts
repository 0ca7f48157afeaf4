/** Repeats decisions that no ledger acknowledged, and lets go of approvals that have been kept long enough. */
import type { StoredApproval } from "../approval/approvals.store.ts";
import type { Home } from "../residency/home.ts";
import { type ApprovalLedgerDeps, putDecision } from "./approval-writer.ts";
import { sweepPages } from "./sweep-pages.ts";

/** For the scheduled handler. */
export async function sweepApprovals(deps: ApprovalLedgerDeps, home: Home, nowMs: number): Promise<void> {
  await sweepPages<StoredApproval>(
    (after, limit) => deps.approvals.unacknowledged(home, after?.approval.id ?? null, limit),
    async (stored) => (await putDecision(deps, stored)) !== null,
  );
  await deps.approvals.purge(home, nowMs);
}
