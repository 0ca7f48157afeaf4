/**
 * The gateway with parts answered by cheap fakes, to see what each part costs. Only the benchmark builds this entry.
 * The header `bench-without` says how many parts are left out, in the order of `parts.ts`; without it this is the
 * gateway itself.
 */
import type { Env } from "../../../src/bindings.ts";
import type { TokenVerifier } from "../../../src/capability/verify-token.ts";
import { compose } from "../../../src/compose.ts";
import { createDataPlane } from "../../../src/gateway/data-plane.routes.ts";
import type { GatewayPorts } from "../../../src/gateway/gateway-ports.ts";
import { ok } from "../../../src/kernel/result.ts";
import type { AgentLedgers } from "../../../src/quota/ledgers.ts";
import gateway from "../../../src/worker.ts";
import { type Part, parts, WITHOUT_HEADER } from "../parts.ts";

export { AgentLedger, TenantLedger } from "../../../src/worker.ts";

const number = { source: "bench", n: 1 };

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
    recorded: false,
    number,
  });

function remembering(verifier: TokenVerifier): TokenVerifier {
  const known = new Map<string, Awaited<ReturnType<TokenVerifier["verify"]>>>();
  return {
    async verify(token, nowMs) {
      const result = known.get(token) ?? (await verifier.verify(token, nowMs));
      known.set(token, result);
      return result;
    },
  };
}

const without: Readonly<Record<Part, (ports: GatewayPorts) => GatewayPorts>> = {
  records: (ports) => ({ ...ports, records: { send: async () => true } }),
  settle: (ports) => ({ ...ports, ledgers: { ...ports.ledgers, settle: freeSettle } }),
  reserve: (ports) => ({ ...ports, ledgers: { ...ports.ledgers, reserve: freeReserve } }),
  verification: (ports) => ({ ...ports, verifier: remembering(ports.verifier) }),
};

type DataPlane = ReturnType<typeof createDataPlane<Env>>;
let levels: readonly DataPlane[] = [];

async function levelsOf(env: Env): Promise<readonly DataPlane[]> {
  if (levels.length === 0) {
    const made: DataPlane[] = [];
    let ports: GatewayPorts = (await compose(env)).gateway;
    for (const part of parts) {
      ports = without[part](ports);
      const fixed = ports;
      made.push(createDataPlane<Env>(async () => fixed));
    }
    levels = made;
  }
  return levels;
}

export default {
  ...gateway,
  async fetch(request: Request, env: Env, context: ExecutionContext): Promise<Response> {
    const level = Number(request.headers.get(WITHOUT_HEADER) ?? 0);
    const cheaper = level > 0 ? (await levelsOf(env))[level - 1] : undefined;
    return cheaper ? cheaper.fetch(request, env, context) : gateway.fetch(request, env, context);
  },
};
