/** `portcullis policy lint`: policies that cannot mean what their author believes. */
import type { LintFinding } from "../policy/lint/lint-finding.ts";
import { lintPolicies } from "../policy/lint/lint-policies.ts";
import { askedSuites } from "./asked-suites.ts";
import { type Command, exitCodes } from "./command.ts";
import { ampleDiff, notJudged } from "./policy-command.ts";
import { printable } from "./printable.ts";

export const policyLint: Command = {
  words: ["policy", "lint"],
  usage: "portcullis policy lint <file or folder…> [--json]",
  summary: "Find policies that are unreachable, shadowed, redundant or over-broad.",

  async run(args, io) {
    const asked = await askedSuites(args, io, policyLint.usage);
    if (!asked.ok) return notJudged(io, asked.error);
    const { suites, isJson } = asked.value;
    const reports = suites.map(({ path, scope, set, at }) => ({
      path,
      scope,
      // A policy whose time is over at the moment that the files are about can allow nothing any more.
      ...lintPolicies(set, ampleDiff(at === null ? null : Date.parse(at))),
    }));
    if (isJson) io.out(JSON.stringify(reports, null, 2));
    else for (const { path, findings } of reports) for (const line of linesOf(path, findings)) io.out(line);
    const findings = reports.flatMap((report) => report.findings);
    if (findings.some(({ severity }) => severity !== "note")) return exitCodes.ill;
    return reports.every(({ complete }) => complete)
      ? exitCodes.well
      : notJudged(io, ["Not every policy was judged: the work would have been too much."]);
  },
};

const SEVERITY_WIDTH = 7;

const linesOf = (path: string, findings: readonly LintFinding[]): readonly string[] =>
  findings.length === 0
    ? [`${path}: nothing found`]
    : findings.map(({ code, severity, policy, sentence }) =>
        printable(`${severity.padEnd(SEVERITY_WIDTH)} ${code} [${policy}] ${sentence}`),
      );
