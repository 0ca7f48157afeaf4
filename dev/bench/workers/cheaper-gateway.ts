/**
 * The gateway with parts answered by cheap fakes, to see what each part costs. Only the benchmark builds this entry.
 * The header `bench-without` says how many parts are left out, in the order of `parts.ts`; without it this is the
 * gateway itself.
 */
import type { Env } from "../../../src/bindings.ts";
import type { TokenVerifier } from "../../../src/capability/verify-token.ts";
import { type Composed, compose } from "../../../src/compose.ts";
import { createDataPlane } from "../../../src/gateway/data-plane.routes.ts";
import type { GatewayPorts } from "../../../src/gateway/gateway-ports.ts";
import { ok } from "../../../src/kernel/result.ts";
import type { AgentLedgers } from "../../../src/quota/ledgers.ts";
import gateway from "../../../src/worker.ts";
import { BODIES_ONLY_LEVEL, type Part, parts, WITHOUT_HEADER } from "../parts.ts";

export { AgentLedger, TenantLedger } from "../../../src/worker.ts";

interface CheaperEnv extends Env {
  readonly UPSTREAM: string;
}

const number = { source: "bench", n: 1 };

/** A busy ledger sends the call's second record itself: it is not given one, and the gateway is told that it was sent. */
const settleUnrecorded =
  ({ settle }: AgentLedgers): AgentLedgers["settle"] =>
  async (request) => {
    const settled = await settle({ ...request, completion: null });
    return settled.ok ? ok({ ...settled.value, recorded: true }) : settled;
  };

const freeReserve: AgentLedgers["reserve"] = async (request) =>
  ok({
    outcome: "reserved",
    candidate: 0,
    decisionId: request.decisionId,
    reservationId: request.reservationId,
    replayed: false,
    reservedTokens: request.candidates[0]?.reservedTokens ?? 0,
    relayMaxMs: 600_000,
    limits: [],
    revisions: request.snapshot,
    number,
  });
const freeSettle: AgentLedgers["settle"] = async () =>
  ok({
    outcome: "settled",
    chargedTokens: 0,
    chargedRequests: 1,
    chargedCostNanoUsd: null,
    replaced: null,
    recorded: true,
    number,
  });

const known = new Map<string, Awaited<ReturnType<TokenVerifier["verify"]>>>();
const remembering = (verifier: TokenVerifier): TokenVerifier => ({
  async verify(token, nowMs) {
    const result = known.get(token) ?? (await verifier.verify(token, nowMs));
    known.set(token, result);
    return result;
  },
});

const neverFires = () => () => {};

const without: Readonly<Record<Part, (ports: GatewayPorts) => GatewayPorts>> = {
  records: (ports) => ({
    ...ports,
    records: { send: async () => true },
    ledgers: { ...ports.ledgers, settle: settleUnrecorded(ports.ledgers) },
  }),
  settle: (ports) => ({ ...ports, ledgers: { ...ports.ledgers, settle: freeSettle } }),
  reserve: (ports) => ({ ...ports, ledgers: { ...ports.ledgers, reserve: freeReserve } }),
  verification: (ports) => ({ ...ports, verifier: remembering(ports.verifier) }),
  timers: (ports) => ({ ...ports, startTimer: neverFires }),
};

let composed: Composed | null = null;

/** Ports of each request, as the gateway itself makes them. */
const levels = parts.map((_, index) =>
  createDataPlane<Env>(async (env) => {
    composed ??= await compose(env);
    let ports: GatewayPorts = composed.gatewayOfRequest();
    for (const part of parts.slice(0, index + 1)) ports = without[part](ports);
    return ports;
  }),
);

/** Both bodies are read whole, parsed, and written anew or passed on, as the gateway does it; nothing is decided. */
async function bodiesOnly(request: Request, { UPSTREAM }: CheaperEnv): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  const body = JSON.stringify(JSON.parse(await request.text()));
  const headers = { "content-type": "application/json", "api-key": "bench-key" };
  const upstream = await fetch(`${UPSTREAM}${pathname}${search}`, { method: "POST", headers, body });
  const answer = new Uint8Array(await upstream.arrayBuffer());
  JSON.parse(new TextDecoder().decode(answer));
  return new Response(answer, upstream);
}

export default {
  ...gateway,
  async fetch(request: Request, env: CheaperEnv, context: ExecutionContext): Promise<Response> {
    const level = Number(request.headers.get(WITHOUT_HEADER) ?? 0);
    if (level === BODIES_ONLY_LEVEL) return bodiesOnly(request, env);
    const cheaper = levels[level - 1];
    return cheaper ? cheaper.fetch(request, env, context) : gateway.fetch(request, env, context);
  },
};
