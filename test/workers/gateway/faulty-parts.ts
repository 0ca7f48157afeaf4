// Bindings and an Azure that are ill in one way each, to be given to `compose`. The pipeline itself stays what it is.
import { env } from "cloudflare:workers";
import type { AuditRecord } from "../../../src/audit/audit-record.ts";
import type { AzureCalls, AzureRequest } from "../../../src/azure/azure-calls.ts";
import type { Env } from "../../../src/bindings.ts";
import type { StartTimer } from "../../../src/kernel/clock.ts";

export type Ill = "unreachable" | "error" | "slow" | "garbage";

const ways: Record<Ill, (garbage: unknown) => Promise<unknown>> = {
  unreachable() {
    throw new Error("Network connection lost.");
  },
  error: async () => {
    throw new Error("Internal error.");
  },
  slow: () => new Promise(() => {}),
  garbage: async (garbage) => garbage,
};

/** The members that are named answer as they are told; everything else is the real binding's. */
function withMembers<T extends object>(real: T, members: Readonly<Record<string, unknown>>): T {
  return new Proxy(real, {
    get(target, name) {
      if (typeof name === "string" && name in members) return members[name];
      const value: unknown = Reflect.get(target, name);
      // Not bound: a method of an RPC stub has no `bind` of its own.
      return typeof value === "function" ? (...args: unknown[]) => Reflect.apply(value, target, args) : value;
    },
  });
}

export function illD1(ill: Ill): Partial<Env> {
  const rows = { results: [{ revision: "x", document: "{" }] };
  const batch = (statements: readonly unknown[]) => ways[ill](statements.map(() => rows));
  const statement = { bind: () => statement, first: () => ways[ill]({ hash: 7 }) };
  const members = { batch, prepare: () => statement };
  // A cold isolate with a cold cache: what either of them holds needs no D1.
  const get = async () => null;
  return {
    PLATFORM_DB: withMembers(env.PLATFORM_DB, members),
    GLOBAL_DB: withMembers(env.GLOBAL_DB, members),
    GLOBAL_KV: withMembers(env.GLOBAL_KV, { get }),
  };
}

export function illKv(ill: Ill): Partial<Env> {
  const get = (_key: string, type?: string) => ways[ill](type === "json" ? { revision: 1 } : "1");
  return { GLOBAL_KV: withMembers(env.GLOBAL_KV, { get, put: () => ways[ill](undefined) }) };
}

export const queueThat = (send: (record: AuditRecord) => Promise<unknown>): Partial<Env> => ({
  GLOBAL_AUDIT: withMembers(env.GLOBAL_AUDIT, { send }),
});
export const illQueue = (ill: Ill): Partial<Env> => queueThat(() => ways[ill]("nonsense"));

export type LedgerMethod = "reserve" | "confirm" | "renew" | "settle" | "keepRecord";
type CallLedger = (real: () => Promise<unknown>, request: unknown) => Promise<unknown>;

/** Agents' ledgers of which some methods answer as told. */
export function ledgersThat(methods: Partial<Record<LedgerMethod, CallLedger>>): Partial<Env> {
  const get = (id: DurableObjectId) => {
    const stub = env.AGENT_LEDGER.get(id);
    const told = Object.entries(methods).map(([method, answer]) => [
      method,
      (...args: unknown[]) =>
        answer(() => Reflect.apply(Reflect.get(stub, method), stub, args), args[args.length - 1]),
    ]);
    return withMembers(stub, Object.fromEntries(told));
  };
  return { AGENT_LEDGER: withMembers(env.AGENT_LEDGER, { get }) };
}

const platformError = (message: string, flags: object) => Object.assign(new Error(message), flags);

const unheard: Promise<unknown>[] = [];
/** Resolves when everything has been done of which the answer was lost. */
export const unheardDone = () => Promise.all(unheard.splice(0));

export const ledgerFaults: Record<Ill | "overloaded" | "answer lost", CallLedger> = {
  unreachable: async () => {
    throw platformError("Network connection lost.", { retryable: true });
  },
  error: async () => {
    throw new Error("internal error");
  },
  overloaded: async () => {
    throw platformError("Durable Object is overloaded.", { overloaded: true, retryable: true });
  },
  slow: () => new Promise(() => {}),
  garbage: async () => ({ outcome: "yes", number: "many" }),
  "answer lost": (real) => {
    unheard.push(real());
    return new Promise(() => {});
  },
};

/** Every wait for this limit is over at once; no other ever ends. */
export const always =
  (limitMs: number): StartTimer =>
  (ms, fire) =>
    passed(ms === limitMs ? ms : -1)(ms, fire);

/** The n-th wait for this limit is over at once; no other ever ends. */
export function passed(limitMs: number, nth = 1): StartTimer {
  let waits = 0;
  return (ms, fire) => {
    let isRunning = true;
    if (ms === limitMs) waits += 1;
    if (ms === limitMs && waits === nth) queueMicrotask(() => isRunning && fire());
    return () => {
      isRunning = false;
    };
  };
}

const untilAborted = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => {
    if (signal.aborted) reject(new Error("aborted"));
    signal.addEventListener("abort", () => reject(new Error("aborted")));
  });

type End = "ends" | "is cut" | "is silent";

/** A body of these parts, and then its end. */
function bodyThat(end: End, parts: readonly string[], signal: AbortSignal): ReadableStream<Uint8Array> {
  const left = [...parts];
  return new ReadableStream(
    {
      async pull(controller) {
        const part = left.shift();
        if (part !== undefined) return controller.enqueue(new TextEncoder().encode(part));
        if (end === "is cut") return controller.error(new Error("connection reset"));
        if (end === "ends") return controller.close();
        await untilAborted(signal);
      },
    },
    { highWaterMark: 0 },
  );
}

const answering =
  (answer: (request: AzureRequest) => Response | Promise<Response>): AzureCalls["send"] =>
  async (request) =>
    answer(request);

const bodyOf = (type: string, end: End, ...parts: string[]) =>
  answering(
    ({ signal }) => new Response(bodyThat(end, parts, signal), { headers: { "content-type": type } }),
  );
const json = (end: End, text: string) => bodyOf("application/json", end, text);
const stream = (end: End, ...events: string[]) => bodyOf("text/event-stream", end, ...events);
const failing = (status: number, code: string, headers: Record<string, string> = {}) =>
  answering(() => Response.json({ error: { code, message: "…" } }, { status, headers }));
const silent = answering(({ signal }) => untilAborted(signal));

const usage = { prompt_tokens: 5, completion_tokens: 7, total_tokens: 12 };
const word = 'data: {"choices":[{"delta":{"content":"Hi"},"index":0}],"usage":null}\n\n';
const usageEvent = `data: ${JSON.stringify({ choices: [], usage })}\n\n`;
const done = "data: [DONE]\n\n";

export const wholeAnswer = json("ends", JSON.stringify({ choices: [], usage }));

export const wholeStream = stream("ends", word, usageEvent + done);

export const azureFaults: Readonly<Record<string, AzureCalls["send"]>> = {
  unreachable: async () => {
    throw new Error("connect ECONNREFUSED 192.0.2.7:443");
  },
  error: failing(500, "server_error"),
  "rate limit": failing(429, "RateLimitReached", { "retry-after": "7" }),
  "refused credential": failing(401, "401"),
  slow: silent,
  "cut body": json("is cut", '{"choices":['),
  "slow body": json("is silent", '{"choices":['),
  garbage: json("ends", "<html>"),
  "no usage": json("ends", '{"choices":[]}'),
};

export const streamFaults: Readonly<Record<string, AzureCalls["send"]>> = {
  refusing: failing(503, "server_error"),
  slow: silent,
  "garbage, no stream": bodyOf("text/html", "ends", "<html>"),
  "silent in between": stream("is silent", word),
  "silent after usage": stream("is silent", word + usageEvent),
  cut: stream("is cut", word, 'data: {"choi'),
  "ended early": stream("ends", word),
  garbage: stream("ends", "<html>\n\n", "\u0000nonsense"),
  "one bad event": stream("ends", word, 'data: {"choices":[{"ind\n\n', usageEvent + done),
};
