/** Arguments by node:util's parseArgs, whose complaints become values. */
import { type ParseArgsConfig, parseArgs } from "node:util";
import { fail, ok, type Result } from "../kernel/result.ts";

/** Fails with a sentence for whoever typed it. */
export function parseArguments<C extends ParseArgsConfig>(
  config: C,
): Result<ReturnType<typeof parseArgs<C>>, string> {
  try {
    return ok(parseArgs(config));
  } catch (error) {
    return fail(error instanceof Error ? error.message : "The arguments cannot be read.");
  }
}
