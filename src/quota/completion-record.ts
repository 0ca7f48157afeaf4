/**
 * The record of a call that is over: what the gateway knows of it, and what the ledger answered. A busy ledger sends
 * these records itself, many in one message; otherwise the gateway does. Pure.
 */
import type { CompletionRecord } from "../audit/audit-record.ts";
import type { Result } from "../kernel/result.ts";
import { timestampOf } from "../kernel/timestamp.ts";
import type { RecordNumber, Settle, SettleReply } from "./contracts.ts";
import { knownCostOf } from "./settlement.ts";

type Charges = Pick<
  CompletionRecord,
  "chargedTokens" | "chargedCostNanoUsd" | "usageCostNanoUsd" | "ledger" | "replaces"
>;

/** All but the number and the charges, which are the ledger's to say. */
export type CompletionDraft = Omit<CompletionRecord, keyof RecordNumber | "skipped" | keyof Charges>;

export const completionRecord = (
  draft: CompletionDraft,
  number: RecordNumber,
  settled: Result<SettleReply>,
  outcome: Settle["outcome"],
): CompletionRecord => ({ ...draft, ...number, skipped: null, ...chargesOf(settled, outcome) });

/** What the ledger does not know it has not charged under this call's name: null, where zero would say "for free". */
function chargesOf(settled: Result<SettleReply>, outcome: Settle["outcome"]): Charges {
  const usageCostNanoUsd = knownCostOf(outcome);
  const uncharged = { chargedTokens: null, chargedCostNanoUsd: null, usageCostNanoUsd, replaces: null };
  if (!settled.ok) return { ...uncharged, ledger: "unreached" };
  const { outcome: ledger, chargedTokens, chargedCostNanoUsd, replaced } = settled.value;
  if (ledger === "unknown") return { ...uncharged, ledger };
  return {
    chargedTokens,
    chargedCostNanoUsd,
    usageCostNanoUsd,
    ledger,
    replaces: replaced && replacementOf(replaced),
  };
}

const replacementOf = ({ atMs, ...charged }: NonNullable<SettleReply["replaced"]>) => ({
  at: timestampOf(atMs),
  ...charged,
});
