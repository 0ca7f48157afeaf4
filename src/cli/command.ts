/** One command of `portcullis`. All it touches of the world comes in, so that tests run it without a process. */

import type { RandomBytes } from "../kernel/clock.ts";

export interface CommandIo {
  readonly out: (line: string) => void;
  readonly err: (line: string) => void;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly fetch: typeof fetch;
  readonly readFile: (path: string) => Promise<string>;
  readonly writeFile: (path: string, text: string) => Promise<void>;
  /** The names in it; null where the path is no folder. */
  readonly listFolder: (path: string) => Promise<readonly string[] | null>;
  readonly readStandardInput: () => Promise<string>;
  readonly clock: () => number;
  /** Cryptographically strong. */
  readonly random: RandomBytes;
}

export interface Command {
  /** What is typed after `portcullis`, such as `receipt verify`. */
  readonly words: readonly string[];
  /** The whole line, with its arguments. */
  readonly usage: string;
  /** One sentence. */
  readonly summary: string;
  /** Answers the exit code. */
  run(args: readonly string[], io: CommandIo): Promise<number>;
}

/** What every command means by an exit code; a command may have further ones. */
export const exitCodes = {
  /** What was asked about is in order. */
  well: 0,
  /** It is not, and the output says why. */
  ill: 1,
  /** Nothing was judged: wrong arguments, or input that cannot be read. */
  notJudged: 2,
  /** A bug. */
  failed: 70,
} as const;
