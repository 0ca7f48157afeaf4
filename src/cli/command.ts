/** A command of `portcullis`, and all that it may touch: so that tests run it without a process. */

export interface CommandIo {
  readonly out: (line: string) => void;
  readonly err: (line: string) => void;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly fetch: typeof fetch;
  readonly readFile: (path: string) => Promise<string>;
  readonly readStandardInput: () => Promise<string>;
  readonly clock: () => number;
}

export interface Command {
  /** As typed: `["receipt", "verify"]`. */
  readonly words: readonly string[];
  readonly usage: string;
  readonly summary: string;
  /** Answers the exit code. */
  run(args: readonly string[], io: CommandIo): Promise<number>;
}
