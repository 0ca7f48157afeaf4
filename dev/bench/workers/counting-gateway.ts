/**
 * The gateway, counting what it asks of the platform, and with two switches that take away what makes ledgers cheap.
 * Only the benchmark builds this entry; its own paths begin with /bench.
 */
import { configOf, type Env } from "../../../src/bindings.ts";
import {
  AgentId,
  createIdMint,
  DEFAULT_TENANT,
  PLATFORM,
  reservationOf,
  TokenId,
} from "../../../src/kernel/ids.ts";
import type {
  LeaseRequest,
  ReserveRequest,
  Settle,
  TenantReserve,
  TenantSettle,
} from "../../../src/quota/contracts.ts";
import { createAgentLedgers } from "../../../src/quota/ledgers.store.ts";
import type { AgentLedgers } from "../../../src/quota/ledgers.ts";
import { Pace } from "../../../src/quota/pace.ts";
import { TenantHolds } from "../../../src/quota/tenant-holds.ts";
import gateway, {
  AgentLedger as RealAgentLedger,
  TenantLedger as RealTenantLedger,
} from "../../../src/worker.ts";
import { LedgerLoad, Switches } from "../count-contract.ts";
import { SnapshotLoad } from "../policy-contract.ts";
import { countBindings, countStorage, counts, takeLastRead } from "./counted-platform.ts";
import { loadSnapshots } from "./load-snapshots.ts";

export class AgentLedger extends RealAgentLedger {
  constructor(ctx: DurableObjectState, env: Env) {
    countStorage(ctx.storage, () => counts.agent);
    countBindings(env);
    super(ctx, env);
  }

  override reserve(request: ReserveRequest) {
    counts.agent.calls += 1;
    return super.reserve(request);
  }

  override settle(request: Settle) {
    counts.agent.calls += 1;
    return super.settle(request);
  }

  override alarm() {
    counts.agent.calls += 1;
    return super.alarm();
  }
}

/** One class, and the platform's ledger is one of its objects: known by the first lease that is asked of it. */
export class TenantLedger extends RealTenantLedger {
  constructor(ctx: DurableObjectState, env: Env) {
    countStorage(ctx.storage, () => (platformLedgers.has(ctx) ? counts.platform : counts.tenant));
    super(ctx, env);
  }

  override lease(request: LeaseRequest) {
    if (request.scope === PLATFORM) platformLedgers.add(this.ctx);
    this.#called();
    return super.lease(request);
  }

  override reserve(request: TenantReserve) {
    this.#called();
    return super.reserve(request);
  }

  override settle(request: TenantSettle) {
    this.#called();
    return super.settle(request);
  }

  override alarm() {
    this.#called();
    return super.alarm();
  }

  #called(): void {
    (platformLedgers.has(this.ctx) ? counts.platform : counts.tenant).calls += 1;
  }
}

const platformLedgers = new WeakSet<DurableObjectState>();

let switches: Switches = { slices: true, chunks: true };

const { isBusy } = Pace.prototype;
Pace.prototype.isBusy = function (nowMs) {
  return switches.chunks && isBusy.call(this, nowMs);
};
const { exchange } = TenantHolds.prototype;
TenantHolds.prototype.exchange = function (request, durationMs, nowMs) {
  const asks = switches.slices ? request.asks : request.asks.map((ask) => ({ ...ask, want: 0 }));
  return exchange.call(this, { ...request, asks }, durationMs, nowMs);
};

const ids = createIdMint(Date.now, (length) => crypto.getRandomValues(new Uint8Array(length)));
const home = "global";
const agentId = AgentId.parse(`agent_${"b".repeat(32)}`);
const caller = { home, tenantId: DEFAULT_TENANT, agentId } as const;
const claimOf = { owner: "policy:bench", scope: "agent", subject: null, window: "day", limit: 1e12 } as const;

function reserveRequest(): ReserveRequest {
  const decisionId = ids.decision();
  return {
    v: 1,
    caller: {
      ...caller,
      agentVersion: 1,
      tokenId: TokenId.parse(`token_${"b".repeat(32)}`),
      issuedAtSeconds: 0,
    },
    reservationId: reservationOf(decisionId),
    decisionId,
    // Newer than any lease's, so that none of them makes it stale.
    snapshot: { tenant: 1_000_000, platform: 1_000_000 },
    purpose: "relay",
    candidates: [
      {
        claims: [
          { ...claimOf, meter: "requests", amount: 1 },
          { ...claimOf, meter: "tokens", amount: 450 },
        ],
        reservedTokens: 450,
        reservedCostNanoUsd: null,
      },
    ],
    idempotency: null,
    subject: {
      requestId: decisionId,
      action: "chat",
      resource: "api://azure-openai/models/bench",
      endUser: null,
    },
  };
}

const usage = { promptTokens: 210, cachedPromptTokens: 0, completionTokens: 40, totalTokens: 250 };

async function reserveAndSettle(ledgers: AgentLedgers): Promise<void> {
  const request = reserveRequest();
  const reserved = await ledgers.reserve(request);
  if (!reserved.ok || reserved.value.outcome !== "reserved") throw new Error("The ledger does not reserve.");
  const { reservationId, purpose } = request;
  const outcome = { kind: "used", usage, costNanoUsd: null } as const;
  const settled = await ledgers.settle({ v: 1, caller, reservationId, purpose, outcome, completion: null });
  if (!settled.ok || settled.value.outcome !== "settled") throw new Error("The ledger does not settle.");
}

/** One ledger alone: nothing but its two calls, from as many callers as say so. */
async function loadLedger(env: Env, { durationMs, callers }: LedgerLoad): Promise<Response> {
  const ledgers = createAgentLedgers(env, configOf(env), { startTimer: () => () => {} });
  await ledgers.putAgentState({ v: 1, ...caller, version: 1, status: "active" });
  const startMs = Date.now();
  let pairs = 0;
  const one = async (): Promise<void> => {
    while (Date.now() - startMs < durationMs) {
      await reserveAndSettle(ledgers);
      pairs += 1;
    }
  };
  await Promise.all(Array.from({ length: callers }, one));
  return Response.json({ pairsPerSecond: (pairs * 1_000) / (Date.now() - startMs) });
}

const paths: Readonly<Record<string, (request: Request, env: Env) => Promise<Response>>> = {
  async "/bench/counts"() {
    takeLastRead();
    return Response.json(counts);
  },
  async "/bench/switches"(request) {
    switches = Switches.parse(await request.json());
    return Response.json(switches);
  },
  "/bench/snapshots": async (request, env) => loadSnapshots(env, SnapshotLoad.parse(await request.json())),
  "/bench/ledger": async (request, env) => loadLedger(env, LedgerLoad.parse(await request.json())),
};

export default {
  ...gateway,
  async fetch(request: Request, env: Env, context: ExecutionContext): Promise<Response> {
    countBindings(env);
    const own = paths[new URL(request.url).pathname];
    if (own) return own(request, env);
    counts.requests += 1;
    return gateway.fetch(request, env, context);
  },
  async queue(batch: MessageBatch, env: Env): Promise<void> {
    countBindings(env);
    await gateway.queue(batch, env);
  },
};
