/** The policy files that a command was given, read, and whether it is to answer in JSON. */
import { fail, ok, type Result } from "../kernel/result.ts";
import type { CommandIo } from "./command.ts";
import { policyArguments } from "./policy-command.ts";
import { type PolicySuite, readPolicySuite } from "./read-policy-suite.ts";

interface AskedSuites {
  readonly suites: readonly PolicySuite[];
  readonly isJson: boolean;
}

/** @returns as an error, the lines that say why nothing can be judged. */
export async function askedSuites(
  args: readonly string[],
  io: CommandIo,
  usage: string,
): Promise<Result<AskedSuites, readonly string[]>> {
  const parsed = policyArguments({
    args: [...args],
    options: { json: { type: "boolean", default: false } },
    allowPositionals: true,
  });
  const usageLine = `Usage: ${usage}`;
  if (!parsed.ok) return fail([parsed.error, usageLine]);
  const { positionals, values } = parsed.value;
  if (positionals.length === 0) return fail(["Name a file or folder.", usageLine]);
  const suites: PolicySuite[] = [];
  for (const path of positionals) {
    const suite = await readPolicySuite(path, io);
    if (!suite.ok) return suite;
    suites.push(suite.value);
  }
  return ok({ suites, isJson: values.json });
}
