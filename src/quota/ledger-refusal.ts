/** The refusals that ledgers give, in the shape that crosses RPC. Pure. */
import { type RefusalCode, refusalTable } from "../kernel/refusal.ts";
import { timestampOf } from "../kernel/timestamp.ts";
import type { LedgerRefusal, LimitState } from "./contracts.ts";
import type { Meter, Window } from "./limit-claim.ts";

export const ledgerRefusal = (
  code: RefusalCode,
  details: Omit<LedgerRefusal, "code" | "message"> = {},
): LedgerRefusal => ({ code, message: refusalTable[code].sentence, ...details });

const quotaCodes: Record<Meter, Partial<Record<Window, RefusalCode>>> = {
  requests: {
    minute: "request_rate_exceeded",
    day: "request_quota_exceeded",
    month: "request_quota_exceeded",
  },
  tokens: { minute: "token_rate_exceeded", day: "token_quota_exceeded", month: "token_quota_exceeded" },
  cost: { day: "cost_quota_exceeded", month: "cost_quota_exceeded" },
  concurrent: { open: "concurrency_exceeded" },
};

/** Nobody knows when a call that is under way ends. */
const CONCURRENCY_RETRY_SECONDS = 1;

/** Names the limit that bound, so that an administrator sees which policy, tenant or token it belongs to. */
export function quotaRefusal(binding: LimitState, nowMs: number): LedgerRefusal {
  const { owner, scope, meter, window, limit, left, resetsAtMs } = binding;
  const code = quotaCodes[meter][window] ?? "request_quota_exceeded";
  const evidence = { owner, scope, meter, window, limit, left };
  if (resetsAtMs === null) {
    return window === "open"
      ? ledgerRefusal(code, { retryAfterSeconds: CONCURRENCY_RETRY_SECONDS, limit: binding, evidence })
      : ledgerRefusal(code, { limit: binding, evidence });
  }
  return ledgerRefusal(code, {
    retryAfterSeconds: Math.max(1, Math.ceil((resetsAtMs - nowMs) / 1000)),
    limit: binding,
    evidence: { ...evidence, resetsAt: timestampOf(resetsAtMs) },
  });
}
