/** Processes of ours that speak over a channel, and end with it. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

export interface Child {
  readonly pid: number;
  next(): Promise<unknown>;
  ask(question: object): Promise<unknown>;
  close(): Promise<void>;
}

export function startChild(file: string): Child {
  const process = fork(join(import.meta.dirname, file), [], { execArgv: ["--no-warnings"] });
  const { pid } = process;
  if (pid === undefined) throw new Error(`${file} could not be started.`);
  const ended = once(process, "exit");
  const next = async (): Promise<unknown> => {
    const stop = new AbortController();
    const { signal } = stop;
    const died = ended.then(() => {
      throw new Error(`${file} ended by itself.`);
    });
    try {
      const [message] = await Promise.race([once(process, "message", { signal }), died]);
      return message;
    } finally {
      stop.abort();
    }
  };
  return {
    pid,
    next,
    ask(question) {
      const answer = next();
      process.send(question);
      return answer;
    },
    async close() {
      if (process.connected) process.disconnect();
      await ended;
    },
  };
}
