/** The refusals that ledgers give, in the shape that crosses RPC. Pure. */
import { type RefusalCode, refusalTable } from "../kernel/refusal.ts";
import { timestampOf } from "../kernel/timestamp.ts";
import type { LedgerRefusal, LimitState } from "./contracts.ts";
import type { Meter } from "./limit-claim.ts";

export const ledgerRefusal = (
  code: RefusalCode,
  details: Omit<LedgerRefusal, "code" | "message"> = {},
): LedgerRefusal => ({ code, message: refusalTable[code].sentence, ...details });

const quotaCodes: Record<Meter, RefusalCode> = {
  requests: "request_quota_exceeded",
  tokens: "token_quota_exceeded",
};

/** Names the limit that bound, so that an administrator sees which policy, tenant or token it belongs to. */
export function quotaRefusal(binding: LimitState, nowMs: number): LedgerRefusal {
  const { owner, scope, meter, window, limit, left, resetsAtMs } = binding;
  return ledgerRefusal(quotaCodes[meter], {
    retryAfterSeconds: Math.max(1, Math.ceil((resetsAtMs - nowMs) / 1000)),
    evidence: { owner, scope, meter, window, limit, left, resetsAt: timestampOf(resetsAtMs) },
  });
}
