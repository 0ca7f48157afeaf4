/** `portcullis policy test`: runs the tests of policy files, and says what they do not exercise. */

import { ownPolicies } from "../policy/as-code/policy-set.ts";
import { runPolicyTests } from "../policy/as-code/run-policy-tests.ts";
import { coverageOf } from "../policy/as-code/test-coverage.ts";
import { carriedTests, toldFailures } from "../policy/as-code/validate-policies.ts";
import { askedSuites } from "./asked-suites.ts";
import { type Command, exitCodes } from "./command.ts";
import { notJudged } from "./policy-command.ts";
import { coverageLines, failureLines } from "./policy-lines.ts";
import type { PolicySuite } from "./read-policy-suite.ts";

export const policyTest: Command = {
  words: ["policy", "test"],
  usage: "portcullis policy test <file or folder…> [--json]",
  summary: "Run the tests of policy files, and say which policies and constraints no test exercises.",

  async run(args, io) {
    const asked = await askedSuites(args, io, policyTest.usage);
    if (!asked.ok) return notJudged(io, asked.error);
    const { suites, isJson } = asked.value;
    const results = suites.map(resultOf);
    if (isJson) io.out(JSON.stringify(results, null, 2));
    else for (const line of results.flatMap(linesOf)) io.out(line);
    if (results.some(({ failed }) => failed > 0)) return exitCodes.ill;
    return results.some(({ passed }) => passed === 0)
      ? notJudged(io, ["There is a suite without a test, which proves nothing."])
      : exitCodes.well;
  },
};

function resultOf(suite: PolicySuite) {
  const judged = runPolicyTests(suite.set, carriedTests(suite));
  const passed = judged.filter((one) => one.passed).length;
  return {
    path: suite.path,
    scope: suite.scope,
    passed,
    failed: judged.length - passed,
    failures: toldFailures(suite.set, judged),
    coverage: coverageOf(ownPolicies(suite.set), judged),
  };
}

const linesOf = ({ path, scope, passed, failed, failures, coverage }: ReturnType<typeof resultOf>) => [
  ...failureLines(failures),
  `${path} (${scope}): ${passed} cases passed, ${failed} failed`,
  ...coverageLines(coverage),
];
