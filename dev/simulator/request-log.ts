/**
 * Everything that reached the simulator, entered when its headers arrive, so that an empty log proves that
 * nothing came. An exchange is the open side of an entry: it ends when the answer is out, the client has
 * gone, or the simulator closes.
 */
import type { IncomingMessage, ServerResponse } from "node:http";

export type Outcome = "answered" | "cut" | "client_gone" | "simulator_closed";

export interface RecordedRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed if it is JSON, the parts of a form, else the text; undefined until it has been read. */
  readonly body: unknown;
  readonly deployment: string | undefined;
  /** Of the answer; undefined before one was chosen. */
  readonly status: number | undefined;
  readonly clientDisconnected: boolean;
  readonly isFinished: boolean;
  readonly outcome: Outcome | undefined;
  readonly finished: Promise<Outcome>;
}

export interface Exchange {
  readonly signal: AbortSignal;
  receiveBody(body: unknown): void;
  useDeployment(name: string): void;
  choose(status: number): void;
  /** `undefined`: the signal knows how it ended. */
  finish(outcome: "answered" | "cut" | undefined): void;
}

export interface RequestLog {
  readonly requests: readonly RecordedRequest[];
  open(incoming: IncomingMessage, outgoing: ServerResponse): Exchange;
  next(): Promise<RecordedRequest>;
  clear(): void;
  close(): void;
}

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

interface Waiter {
  resolve(request: RecordedRequest): void;
  reject(error: Error): void;
}

export function createRequestLog(): RequestLog {
  const requests: RecordedRequest[] = [];
  const open = new Set<(outcome: Outcome) => void>();
  let waiters: Waiter[] = [];

  const takeWaiters = (): readonly Waiter[] => {
    const taken = waiters;
    waiters = [];
    return taken;
  };

  return {
    requests,
    open(incoming, outgoing) {
      const { promise, resolve } = Promise.withResolvers<Outcome>();
      const entry: Writable<RecordedRequest> = {
        method: incoming.method ?? "",
        path: incoming.url ?? "",
        headers: flatHeaders(incoming),
        body: undefined,
        deployment: undefined,
        status: undefined,
        clientDisconnected: false,
        isFinished: false,
        outcome: undefined,
        finished: promise,
      };
      requests.push(entry);
      const controller = new AbortController();
      const settle = (outcome: Outcome) => {
        if (entry.isFinished) return;
        open.delete(interrupt);
        entry.outcome = outcome;
        entry.isFinished = true;
        entry.clientDisconnected = outcome === "client_gone";
        resolve(outcome);
      };
      const interrupt = (outcome: Outcome) => {
        settle(outcome);
        controller.abort();
      };
      open.add(interrupt);
      outgoing.once("close", () => {
        if (!outgoing.writableEnded && !entry.isFinished) interrupt("client_gone");
      });

      return {
        signal: controller.signal,
        receiveBody(body) {
          entry.body = body;
          for (const waiter of takeWaiters()) waiter.resolve(entry);
        },
        useDeployment(name) {
          entry.deployment = name;
        },
        choose(status) {
          entry.status = status;
        },
        finish(outcome) {
          settle(outcome ?? "client_gone");
        },
      };
    },
    next() {
      const { promise, resolve, reject } = Promise.withResolvers<RecordedRequest>();
      waiters.push({ resolve, reject });
      // A test that stopped waiting must not fail by an unhandled rejection when the simulator closes.
      promise.catch(() => undefined);
      return promise;
    },
    clear() {
      requests.length = 0;
    },
    close() {
      for (const interrupt of [...open]) interrupt("simulator_closed");
      for (const waiter of takeWaiters()) waiter.reject(new Error("The simulator was closed."));
    },
  };
}

function flatHeaders(incoming: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(incoming.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(", ") : (value ?? ""),
    ]),
  );
}
