/** The doctor's judgement: every check has at least one line in the report, bounded, and silence is never taken for health. */
import type { DoctorReport, Finding } from "../../kernel/doctor-report.ts";
import { DOCTOR_MAX_FINDINGS } from "../../kernel/limits.ts";
import type { Timestamp } from "../../kernel/timestamp.ts";
import { type Check, counted, type Found } from "./check.ts";
import { checkTable } from "./check-table.ts";
import type { DoctorFacts } from "./facts.ts";

export function examine(facts: DoctorFacts, checkedAt: Timestamp): DoctorReport {
  const findings = checkTable.flatMap((check): readonly Finding[] =>
    bounded(found(check, facts)).map((each) => ({ check: check.id, ...each })),
  );
  return { healthy: !findings.some(({ severity }) => severity === "error"), checkedAt, findings };
}

function found({ find, needs, well }: Check, facts: DoctorFacts): readonly Found[] {
  const findings = find(facts);
  if (findings.length > 0) return findings;
  const partial = needs.filter((what) => facts[what].rest !== null || facts[what].illegible.length > 0);
  if (partial.length === 0) return [{ severity: "ok", subject: null, sentence: well, remedy: null }];
  const sentence = `Nothing was found, but not all ${partial.join(" and ")} could be looked at.`;
  return [{ severity: "note", subject: null, sentence, remedy: null }];
}

/** The worst stay, so that the worst of a report is the worst there is. */
function bounded(findings: readonly Found[]): readonly Found[] {
  if (findings.length <= DOCTOR_MAX_FINDINGS) return findings;
  const worstFirst = findings.toSorted((a, b) => rank[b.severity] - rank[a.severity]);
  const left = worstFirst.slice(DOCTOR_MAX_FINDINGS);
  const sentence = `And ${counted(left.length, "more finding")} of this kind.`;
  const [{ severity } = { severity: "note" as const }] = left;
  return [...worstFirst.slice(0, DOCTOR_MAX_FINDINGS), { severity, subject: null, sentence, remedy: null }];
}

const rank = { ok: 0, note: 1, warning: 2, error: 3 } as const;
