/**
 * A recorded decision, explained: made again under the policies as they were, held against what the record says, and with
 * the change that would have allowed it. The recorded trace stands whatever comes of that.
 */
import * as z from "zod";
import { Explanation, NearestChange } from "../policy/explain/explanation.ts";
import { AbandonedRecord, CompletionRecord, DecisionRecord, Reason } from "./audit-record.ts";
import { decidedBy } from "./decided-by.ts";
import { TraceEntry } from "./decision-inputs.ts";
import { explainedAgain } from "./explained-again.ts";
import { heldAgainst } from "./held-against.ts";
import { QuotaView, quotaOf, waitForQuota } from "./quota-view.ts";
import { redecide, type World } from "./redecide.ts";

export const RecordExplanation = z
  .strictObject({
    decision: DecisionRecord.shape.decision,
    reason: Reason,
    decidedBy: z.enum(["policies", "quota", "other"]),
    agrees: z.boolean().nullable().meta({
      description:
        "Whether the decision, made again, is the recorded one; null where it cannot be made again for certain.",
    }),
    notes: z.array(z.string()).meta({ description: "What limits this explanation." }),
    trace: z.array(TraceEntry).meta({ description: "As recorded." }),
    again: Explanation.nullable().meta({
      description:
        "Of the decision made again; null where the policies as they were, or the inputs, are not known.",
    }),
    quota: QuotaView.nullable(),
    nearest: NearestChange.nullable(),
  })
  .meta({ id: "RecordExplanation" });
export type RecordExplanation = z.infer<typeof RecordExplanation>;

export const ExplainedDecision = z
  .strictObject({
    record: DecisionRecord,
    completion: CompletionRecord.nullable(),
    abandoned: AbandonedRecord.nullable(),
    explanation: RecordExplanation,
  })
  .meta({ id: "ExplainedDecision" });
export type ExplainedDecision = z.infer<typeof ExplainedDecision>;

/** @param world null where the policies as they were are not known. */
export function explainRecord(record: DecisionRecord, world: World | null): RecordExplanation {
  const by = decidedBy(record);
  const quota = by === "quota" ? quotaOf(record) : null;
  const [reason = { code: "allowed" as const, message: "" }] = record.reasons;
  const common = { decision: record.decision, reason, decidedBy: by, trace: traceOf(record), quota };
  if (world === null) {
    const notes = ["The policies as they were then are not known: the recorded trace stands alone."];
    return { ...common, agrees: null, notes, again: null, nearest: waitForQuota(quota) };
  }
  const { agrees, note } = heldAgainst(record, redecide(record, world));
  const { again, notes } = explainedAgain(record, world);
  return {
    ...common,
    agrees,
    notes: [...(note === null ? [] : [note]), ...notes],
    again,
    nearest: by === "policies" ? (again?.nearest ?? null) : waitForQuota(quota),
  };
}

/** Earlier records hold it under `detail`, where they hold one. */
function traceOf({ trace, detail }: DecisionRecord): TraceEntry[] {
  if (trace.length > 0) return trace;
  const earlier = TraceEntry.array().safeParse(detail?.trace);
  return earlier.success ? earlier.data : [];
}
