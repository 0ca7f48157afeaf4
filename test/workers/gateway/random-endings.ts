// Every way in which a relayed call can end, and what it must cost: the model of quota-endings.test.ts.
import type { AzureCalls } from "../../../src/azure/azure-calls.ts";
import type { Clock, StartTimer } from "../../../src/kernel/clock.ts";
import { DRAIN_MAX_MS } from "../../../src/kernel/limits.ts";
import { refuse } from "../../../src/kernel/refusal.ts";
import { fail } from "../../../src/kernel/result.ts";
import type { AgentLedgers } from "../../../src/quota/ledgers.ts";
import { completion } from "./gateway-fixture.ts";

/** `left open`: charged in full by the alarm, when the reservation's time is over. */
export type Charge = "used" | "reserved" | "nothing" | "left open";

/** One call: what Azure does once it may, and how its caller leaves. */
export interface CallInFlight {
  readonly totalTokens: number;
  /** The caller goes away. */
  readonly leave: () => void;
  /** Resolves when the caller has gone. */
  readonly gone: Promise<unknown>;
}

export interface Ending {
  readonly charge: Charge;
  readonly azure: (call: CallInFlight, signal: AbortSignal) => ReturnType<AzureCalls["send"]>;
  readonly stream?: true;
  /** The caller leaves after the first bytes. */
  readonly leavesEarly?: true;
  readonly loses?: "reserve's answer" | "settle" | "settle's answer";
  /** Which wait of the gateway's is over at once; no other ends. */
  readonly waitsInVain?: "for Azure" | "for usage";
}

const usageOf = (totalTokens: number) => ({
  prompt_tokens: 5,
  completion_tokens: totalTokens - 5,
  total_tokens: totalTokens,
});

const never = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => {
    const cut = () => reject(new Error("aborted"));
    if (signal.aborted) cut();
    signal.addEventListener("abort", cut);
  });

type Part = string | (() => unknown);
/** An event stream of these parts; what stands between them happens when it is its turn. */
function streamOf(parts: readonly Part[]): Response {
  const left = [...parts];
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        for (;;) {
          const part = left.shift();
          if (part === undefined) return controller.close();
          if (typeof part === "string") return controller.enqueue(new TextEncoder().encode(part));
          await part();
        }
      },
    },
    { highWaterMark: 0 },
  );
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

const word = 'data: {"choices":[{"delta":{"content":"Hi"},"index":0}],"usage":null}\n\n';
const done = "data: [DONE]\n\n";
const usageEvent = ({ totalTokens }: CallInFlight) =>
  `data: ${JSON.stringify({ choices: [], usage: usageOf(totalTokens) })}\n\n`;

const whole: Ending["azure"] = async ({ totalTokens }) => completion(usageOf(totalTokens));
const failing =
  (status: number): Ending["azure"] =>
  async () =>
    Response.json({ error: { code: "x", message: "x" } }, { status });
const wholeStream: Ending["azure"] = async (call) => streamOf([word, usageEvent(call), done]);

export const endings: Readonly<Record<string, Ending>> = {
  complete: { charge: "used", azure: whole },
  "stream, complete": { charge: "used", stream: true, azure: wholeStream },
  "no usage": { charge: "reserved", azure: async () => Response.json({ choices: [] }) },
  "stream without usage": { charge: "reserved", stream: true, azure: async () => streamOf([word, done]) },
  "stream cut off": {
    charge: "reserved",
    stream: true,
    azure: async () => streamOf([word, () => Promise.reject(new Error("connection reset"))]),
  },
  "429": { charge: "nothing", azure: failing(429) },
  "500": { charge: "nothing", azure: failing(500) },
  unreachable: { charge: "reserved", azure: () => Promise.reject(new Error("ECONNREFUSED")) },
  hang: { charge: "reserved", azure: (_, signal) => never(signal), waitsInVain: "for Azure" },
  "stream that falls silent": {
    charge: "reserved",
    stream: true,
    azure: async (_, signal) => streamOf([word, () => never(signal)]),
    waitsInVain: "for Azure",
  },
  "abort before the first byte": {
    charge: "used",
    async azure(call) {
      call.leave();
      return completion(usageOf(call.totalTokens));
    },
  },
  "abort before the first byte, and a hang": {
    charge: "reserved",
    azure(call, signal) {
      call.leave();
      return never(signal);
    },
    waitsInVain: "for usage",
  },
  "abort after the first byte": {
    charge: "used",
    stream: true,
    leavesEarly: true,
    azure: async (call) => streamOf([word, () => call.gone, word, usageEvent(call), done]),
  },
  "abort after the first byte, and a hang": {
    charge: "reserved",
    stream: true,
    leavesEarly: true,
    azure: async (call, signal) => streamOf([word, () => call.gone, () => never(signal)]),
    waitsInVain: "for usage",
  },
  "lost settle": { charge: "left open", azure: whole, loses: "settle" },
  "lost answer to settle": { charge: "used", azure: whole, loses: "settle's answer" },
  "lost answer to reserve": { charge: "left open", azure: whole, loses: "reserve's answer" },
};

const unavailable = () => fail(refuse("ledger_unavailable"));

/** Ledgers that lose one message of this call. */
export const losing = (ledgers: AgentLedgers, { loses }: Ending): AgentLedgers => ({
  ...ledgers,
  async reserve(request) {
    const reply = await ledgers.reserve(request);
    return loses === "reserve's answer" ? unavailable() : reply;
  },
  async settle(request) {
    if (loses === "settle") return unavailable();
    const reply = await ledgers.settle(request);
    return loses === "settle's answer" ? unavailable() : reply;
  },
});

/** The call's own time: what it waits for in vain is over at once, and by its clock took as long as it was to take. */
export function timeOf({ waitsInVain }: Ending, azureMayAnswer: Promise<unknown>) {
  let waitedMs = 0;
  const clock: Clock = () => Date.now() + waitedMs;
  const startTimer: StartTimer = (ms, fire) => {
    let isRunning = waitsInVain !== undefined && (ms === DRAIN_MAX_MS) === (waitsInVain === "for usage");
    azureMayAnswer.then(() =>
      setTimeout(() => {
        if (!isRunning) return;
        waitedMs += ms;
        fire();
      }, 0),
    );
    return () => {
      isRunning = false;
    };
  };
  return { clock, startTimer };
}
