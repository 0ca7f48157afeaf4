/** Who refused: policies, whose refusals can be decided again, a ledger's quota, or something else altogether. */
import type { RefusalCode } from "../kernel/refusal.ts";
import type { DecisionRecord } from "./audit-record.ts";

/** Those of the decision core and of what it obliges to inspect. */
const policyCodes: ReadonlySet<string> = new Set<RefusalCode>([
  "no_matching_grant",
  "denied_by_policy",
  "outside_boundary",
  "outside_token",
  "tenant_not_allowed",
  "role_not_allowed",
  "agent_not_allowed",
  "classification_exceeded",
  "tokens_per_request_exceeded",
  "prompt_characters_exceeded",
  "parameter_not_allowed",
  "pattern_denied",
  "encryption_required",
  "address_not_allowed",
  "outside_validity",
  "tool_not_allowed",
  "store_not_allowed",
  "indeterminate",
  "constraint_not_available",
  "pending_approval",
  "approval_denied",
  "approvals_exhausted",
  "approval_own_request",
  "residency_country",
  "residency_backend",
  "backend_classification",
  "end_user_required",
  "price_unknown",
  "unbounded_ask",
  "unsupported_parameter",
]);

const quotaCodes: ReadonlySet<string> = new Set<RefusalCode>([
  "request_quota_exceeded",
  "token_quota_exceeded",
  "request_rate_exceeded",
  "token_rate_exceeded",
  "cost_quota_exceeded",
  "concurrency_exceeded",
  "quota_keys_exhausted",
]);

export type DecidedBy = "policies" | "quota" | "other";

export function decidedBy({ reasons, surface }: Pick<DecisionRecord, "reasons" | "surface">): DecidedBy {
  // What a token is exchanged for stands in its request, which no record repeats.
  if (surface === "exchange") return "other";
  const code = reasons[0]?.code ?? "allowed";
  if (code === "allowed" || policyCodes.has(code)) return "policies";
  return quotaCodes.has(code) ? "quota" : "other";
}
