/** What a completion record says of charges, from what the ledger answered. Pure. */
import type { CompletionRecord } from "../audit/audit-record.ts";
import type { Result } from "../kernel/result.ts";
import { timestampOf } from "../kernel/timestamp.ts";
import type { Settle, SettleReply } from "../quota/contracts.ts";

type Charges = Pick<
  CompletionRecord,
  "chargedTokens" | "chargedCostNanoUsd" | "usageCostNanoUsd" | "ledger" | "replaces"
>;

/** What the ledger does not know it has not charged under this call's name: null, where zero would say "for free". */
export function chargesOf(settled: Result<SettleReply>, outcome: Settle["outcome"]): Charges {
  const usageCostNanoUsd = outcome.kind === "used" ? outcome.costNanoUsd : null;
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
