/**
 * Passes and meters streams with the gateway's own code, and does nothing else of what the gateway does: no token, no
 * decision, no ledger, no record.
 */
import { operations } from "../../../src/azure/operation.ts";
import { relayStream } from "../../../src/gateway/relay-stream.ts";
import type { Renewals } from "../../../src/gateway/renewals.ts";
import { createUpstreamCutoff } from "../../../src/gateway/upstream-cutoff.ts";
import { DecisionId } from "../../../src/kernel/ids.ts";
import { RELAY_MAX_MS } from "../../../src/kernel/limits.ts";
import { sharedTimer } from "../../../src/kernel/shared-timer.ts";

interface RelayEnv {
  readonly UPSTREAM: string;
  /** How streams are passed: carried by the runtime, or each event by itself, as where one is kept back. */
  readonly WAY: "carried" | "each event";
}

const call = {
  operation: operations["chat/completions"],
  wantsUsage: true,
  question: { requestId: "request_bench" },
  body: {},
  allowed: {
    reserved: { decisionId: DecisionId.parse(`decision_${"0".repeat(32)}`) },
    candidate: { obligations: { allowStore: false } },
  },
};
/** An answer that Azure keeps is looked for in each event. */
const kept = {
  ...call,
  body: { store: true },
  allowed: { ...call.allowed, candidate: { obligations: { allowStore: true } } },
};
const noRenewals = (): Renewals => ({ dueInMs: Number.POSITIVE_INFINITY, passed() {}, stop() {} });
const newByteChannel = () => new IdentityTransformStream();
const startTimer = (ms: number, fire: () => void) => {
  const timer = setTimeout(fire, ms);
  return () => clearTimeout(timer);
};

export default {
  async fetch(request: Request, env: RelayEnv, context: ExecutionContext): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    // As the gateway keeps time: the limits of one request share one timer.
    const time = { clock: Date.now, startTimer: sharedTimer(startTimer, Date.now) };
    const cutoff = createUpstreamCutoff(time, request.signal, RELAY_MAX_MS, noRenewals);
    const { method, headers, body } = request;
    const sent = { method, headers, body, signal: cutoff.signal };
    const upstream = await fetch(`${env.UPSTREAM}${pathname}${search}`, sent);
    cutoff.headersArrived();
    const isStream = upstream.headers.get("content-type") === "text/event-stream";
    if (upstream.body === null || !isStream) return upstream;
    const background = (work: Promise<unknown>) => context.waitUntil(work);
    return relayStream(
      { background, newByteChannel, ...time },
      env.WAY === "each event" ? kept : call,
      upstream,
      upstream.body,
      cutoff,
      async () => cutoff.close(),
    );
  },
};
