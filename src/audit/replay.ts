/** A recorded decision under other policies: the same, the other one, or nothing that a record could tell. */
import type { RefusalCode } from "../kernel/refusal.ts";
import type { DecisionRecord } from "./audit-record.ts";
import { decidedBy } from "./decided-by.ts";
import { redecide, type World } from "./redecide.ts";

export type Replayed =
  | { readonly kind: "unchanged" }
  /** @param code why it would be denied. */
  | { readonly kind: "newly_denied"; readonly code: RefusalCode }
  /** @param code why it was denied. */
  | { readonly kind: "newly_allowed"; readonly code: string }
  | { readonly kind: "unknown"; readonly reasons: readonly string[] };

const UNCHANGED: Replayed = { kind: "unchanged" };

/** What no policy decided stays as it was. A quota's refusal would have been an allowance at another moment. */
export function replayed(record: DecisionRecord, world: World): Replayed {
  const by = decidedBy(record);
  if (by === "other") return UNCHANGED;
  const wasAllowed = record.decision === "allowed" || by === "quota";
  const again = redecide(record, world);
  switch (again.kind) {
    case "allowed":
      return wasAllowed
        ? UNCHANGED
        : { kind: "newly_allowed", code: record.reasons[0]?.code ?? record.decision };
    case "pending":
      // What waits is not allowed. Somebody has approved what was allowed in spite of it, and would be asked again.
      return wasAllowed && record.approvalId === null && by === "policies"
        ? { kind: "newly_denied", code: "pending_approval" }
        : UNCHANGED;
    case "refused":
      return wasAllowed ? { kind: "newly_denied", code: again.code } : UNCHANGED;
    case "kept_out":
      return wasAllowed ? { kind: "unknown", reasons: ["tenant_or_deployment_changed"] } : UNCHANGED;
    case "unknown":
      return again;
  }
}
