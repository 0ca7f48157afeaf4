/** Repeats decisions that no ledger acknowledged, and lets go of approvals that have been kept long enough. */
import type { ApprovalId } from "../kernel/ids.ts";
import type { Home } from "../residency/home.ts";
import { type ApprovalLedgerDeps, putDecision } from "./approval-writer.ts";

const SWEEP_PAGE = 100;
const SWEEP_MAX_PAGES = 10;

/** For the scheduled handler. Goes on past those that fail, so that one ledger never holds up the others. */
export async function sweepApprovals(deps: ApprovalLedgerDeps, home: Home, nowMs: number): Promise<void> {
  let after: ApprovalId | null = null;
  for (let page = 0; page < SWEEP_MAX_PAGES; page += 1) {
    const found = await deps.approvals.unacknowledged(home, after, SWEEP_PAGE);
    if (!found.ok) break;
    await Promise.all(found.value.map((stored) => putDecision(deps, stored)));
    const last = found.value.at(-1);
    if (last === undefined || found.value.length < SWEEP_PAGE) break;
    after = last.approval.id;
  }
  await deps.approvals.purge(home, nowMs);
}
