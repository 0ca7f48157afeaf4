/** From what was typed to the command that is meant, or to help. */
import { type Command, type CommandIo, exitCodes } from "./command.ts";

const asksForHelp = (word: string | undefined): boolean => word === "--help" || word === "-h";

export async function runCommandLine(
  commands: readonly Command[],
  typed: readonly string[],
  io: CommandIo,
): Promise<number> {
  const [first] = typed;
  if (first === "help" || asksForHelp(first)) {
    for (const line of helpOf(commands)) io.out(line);
    return exitCodes.well;
  }
  const command = commands.find(({ words }) => words.every((word, index) => typed[index] === word));
  if (command === undefined) {
    io.err(first === undefined ? "No command was given." : `There is no command ${JSON.stringify(first)}.`);
    for (const line of helpOf(commands)) io.err(line);
    return exitCodes.notJudged;
  }
  const args = typed.slice(command.words.length);
  if (args.some(asksForHelp)) {
    io.out(command.summary);
    io.out(`Usage: ${command.usage}`);
    return exitCodes.well;
  }
  return command.run(args, io);
}

const helpOf = (commands: readonly Command[]): readonly string[] => [
  "Commands:",
  ...commands.flatMap(({ usage, summary }) => [`  ${usage}`, `      ${summary}`]),
];
