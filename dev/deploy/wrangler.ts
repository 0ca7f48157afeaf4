/** The wrangler command as a port, so that tests can stand in for it, and how its failures are told. */
import { stripVTControlCharacters } from "node:util";
import { PlainFailure } from "../local/plain-failure.ts";
import type { Arguments } from "./wrangler-command.ts";

export interface WranglerAnswer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** @param stdin where secrets go: arguments can be read by every process on the machine. */
export type RunWrangler = (args: Arguments, stdin?: string) => Promise<WranglerAnswer>;

/** Answers what the command printed; a failure shows what wrangler said, without what it was given through stdin. */
export async function runOrFail(run: RunWrangler, args: Arguments, stdin?: string): Promise<string> {
  const answer = await run(args, stdin);
  if (answer.code === 0) return answer.stdout;
  throw failureOf(args, answer, stdin);
}

export function failureOf(args: Arguments, answer: WranglerAnswer, stdin?: string): PlainFailure {
  const said = stripVTControlCharacters(`${answer.stderr}\n${answer.stdout}`).trim();
  const shown = stdin ? said.replaceAll(stdin, "…") : said;
  return new PlainFailure(
    `${printable(args)} failed with ${answer.code}:\n${shown}\n\nWhat was done so far stays; run the same command again to go on.`,
  );
}

const safe = /^[\w@%+=:,./-]+$/;
const quoted = (arg: string): string => (safe.test(arg) ? arg : `'${arg.replaceAll("'", `'\\''`)}'`);

/** To paste into a shell. */
export const printable = (args: Arguments): string => ["npx wrangler", ...args.map(quoted)].join(" ");
