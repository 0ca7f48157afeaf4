/**
 * Evidence and trace as records hold them: bounded, since a policy may list a thousand names, and a record that the queue
 * cannot take would be no record (guarantee G5).
 */
import type { TraceEntry } from "../audit/decision-inputs.ts";
import {
  MAX_EVIDENCE_CHARACTERS,
  MAX_EVIDENCE_ITEMS,
  MAX_TRACE_CHARACTERS,
  MAX_TRACE_LINES,
} from "../kernel/limits.ts";
import type { Refusal } from "../kernel/refusal.ts";
import type { TraceLine } from "../policy/decision.ts";

type Evidence = Record<string, string | number | boolean | string[]>;

export const recordedEvidence = (evidence: Refusal["evidence"]): Evidence =>
  Object.fromEntries(
    Object.entries(evidence ?? {}).map(([name, value]) => [
      name,
      typeof value === "object" ? cutList(value) : cutText(value),
    ]),
  );

const cutText = <T>(value: T): T | string =>
  typeof value === "string" && value.length > MAX_EVIDENCE_CHARACTERS
    ? `${value.slice(0, MAX_EVIDENCE_CHARACTERS)}…`
    : value;

export function cutList(values: readonly string[]): string[] {
  const cut = values.slice(0, MAX_EVIDENCE_ITEMS).map(cutText);
  const more = values.length - cut.length;
  return more > 0 ? [...cut, `and ${more} more`] : cut;
}

/** Where not all lines fit, those of denies that did not match go first. */
export function recordedTrace(trace: readonly TraceLine[]): {
  readonly trace: TraceEntry[];
  readonly traceLinesCut: number;
} {
  const telling =
    trace.length > MAX_TRACE_LINES ? trace.filter(({ outcome }) => outcome !== "not_matched") : trace;
  let room = MAX_TRACE_CHARACTERS;
  const lines: TraceEntry[] = [];
  for (const { policyId, outcome, refusal } of telling.slice(0, MAX_TRACE_LINES)) {
    if (refusal === undefined) {
      lines.push({ policyId, outcome });
      continue;
    }
    const evidence = lineEvidence(policyId, refusal.evidence);
    room -= charactersOf(evidence);
    lines.push({
      policyId,
      outcome,
      code: refusal.code,
      evidence: room < 0 ? withoutLists(evidence) : evidence,
    });
  }
  return { trace: lines, traceLinesCut: trace.length - lines.length };
}

function lineEvidence(policyId: string, evidence: Refusal["evidence"]): Evidence {
  if (evidence?.policyId !== policyId) return recordedEvidence(evidence);
  // The line says it already.
  const { policyId: _, ...rest } = evidence;
  return recordedEvidence(rest);
}

/** What is left when there is no more room: which constraint it was. */
const withoutLists = ({ constraint, unmet }: Evidence): Evidence => ({
  ...(constraint === undefined ? {} : { constraint }),
  ...(unmet === undefined ? {} : { unmet }),
  cut: true,
});

const charactersOf = (evidence: Evidence): number =>
  Object.values(evidence)
    .flat()
    .reduce<number>((sum, value) => sum + (typeof value === "string" ? value.length : 0), 0);
