/** A doctor's report as lines for people, the worst first, and as an exit code for scripts. */
import type { DoctorReport, Finding, Severity } from "../kernel/doctor-report.ts";
import { exitCodes } from "./command.ts";
import { printable } from "./printable.ts";

const worstFirst = ["error", "warning", "note", "ok"] as const satisfies readonly Severity[];

export function reportLines({ findings, checkedAt }: DoctorReport): readonly string[] {
  const counts = worstFirst.map((severity) => counted(countOf(findings, severity), severity));
  return [
    ...worstFirst.flatMap((severity) => findings.filter((each) => each.severity === severity).map(lineOf)),
    `${counts.join(", ")} (${checkedAt})`,
  ];
}

/** Beyond what every command means: works, but not as someone was promised. */
export const WARNINGS_ONLY = 3;

export function exitCodeOf({ findings }: DoctorReport): number {
  if (countOf(findings, "error") > 0) return exitCodes.ill;
  return countOf(findings, "warning") > 0 ? WARNINGS_ONLY : exitCodes.well;
}

const countOf = (findings: readonly Finding[], severity: Severity): number =>
  findings.filter((each) => each.severity === severity).length;

const counted = (count: number, severity: Severity): string =>
  `${count} ${severity}${count === 1 || severity === "ok" ? "" : "s"}`;

const SEVERITY_WIDTH = 7;

const lineOf = ({ check, severity, subject, sentence, remedy }: Finding): string =>
  printable(
    [
      severity.padEnd(SEVERITY_WIDTH),
      check,
      ...(subject === null ? [] : [`[${subject}]`]),
      sentence,
      remedy ?? "",
    ]
      .join(" ")
      .trimEnd(),
  );
