/** What the commands on policies share: arguments that are never repeated, and the way to say that nothing was judged. */
import type { ParseArgsConfig, parseArgs } from "node:util";
import { fail, type Result } from "../kernel/result.ts";
import { AMPLE_STEPS, type DiffOptions } from "../policy/diff/policy-diff.ts";
import { type CommandIo, exitCodes } from "./command.ts";
import { parseArguments } from "./command-arguments.ts";

/** What was typed may hold a key by mistake, so a complaint does not quote it. */
export function policyArguments<C extends ParseArgsConfig>(
  config: C,
): Result<ReturnType<typeof parseArgs<C>>, string> {
  const parsed = parseArguments(config);
  return parsed.ok
    ? parsed
    : fail("There is an argument that this command does not have, or one without its value.");
}

export function notJudged(io: Pick<CommandIo, "err">, lines: readonly string[]): number {
  for (const line of lines) io.err(line);
  return exitCodes.notJudged;
}

export const ampleDiff = (fromMs: number | null): DiffOptions => ({ fromMs, budget: { left: AMPLE_STEPS } });
