// What a command sees of the world, and what it printed.
import type { Command, CommandIo } from "../../../src/cli/command.ts";
import { runCommandLine } from "../../../src/cli/command-line.ts";

export interface Printed {
  readonly code: number;
  readonly out: readonly string[];
  readonly err: readonly string[];
}

const unexpected = (what: string) => () => Promise.reject(new Error(`${what} was not expected here.`));

export async function typed(
  commands: readonly Command[],
  words: readonly string[],
  given: Partial<CommandIo> = {},
): Promise<Printed> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await runCommandLine(commands, words, {
    out: (line) => out.push(line),
    err: (line) => err.push(line),
    environment: {},
    fetch: unexpected("A fetch"),
    readFile: unexpected("Reading a file"),
    writeFile: unexpected("Writing a file"),
    listFolder: unexpected("Listing a folder"),
    readStandardInput: unexpected("Reading standard input"),
    clock: () => 0,
    random: (length) => new Uint8Array(length),
    ...given,
  });
  return { code, out, err };
}
