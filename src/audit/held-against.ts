/** A decision made again, held against the recorded one: where they differ, something that no record keeps has changed. */
import type { DecisionRecord } from "./audit-record.ts";
import { decidedBy } from "./decided-by.ts";
import type { Redecided } from "./redecide.ts";

interface Held {
  /** Null = it cannot be told. */
  readonly agrees: boolean | null;
  readonly note: string | null;
}

const AGREES: Held = { agrees: true, note: null };
const DIFFERS: Held = {
  agrees: false,
  note: "Made again, the decision is another one: the tenant's document or a deployment has changed since, or it went by a fact that records do not keep.",
};

export function heldAgainst(record: DecisionRecord, again: Redecided): Held {
  const by = decidedBy(record);
  const code = record.reasons[0]?.code;
  if (by === "other") return { agrees: null, note: "It was not the policies that decided this." };
  switch (again.kind) {
    case "unknown":
      // It is the inspection that refused, and only its findings are missing.
      if (code === "unsupported_parameter" && again.reasons.includes("body_not_reviewed")) return AGREES;
      return { agrees: null, note: `It cannot be made again for certain: ${again.reasons.join(", ")}.` };
    case "kept_out":
      return again.code === code ? AGREES : DIFFERS;
    case "pending":
      return record.decision !== "allowed" || record.approvalId !== null ? AGREES : DIFFERS;
    case "allowed": {
      if (by === "quota") return AGREES;
      const [charged] = record.policyIds;
      const isSame =
        record.decision === "allowed" && (charged === undefined || again.grantIds.includes(charged));
      return isSame ? AGREES : DIFFERS;
    }
    case "refused": {
      if (by === "quota" || record.decision === "allowed") return DIFFERS;
      return again.code === code || !again.isCodeSure ? AGREES : DIFFERS;
    }
  }
}
