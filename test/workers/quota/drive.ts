// What the ledger tests share: fresh tenants, requests with defaults, and the stubs behind the ports.
import { env } from "cloudflare:workers";
import { configOf } from "../../../src/bindings.ts";
import {
  type AgentId,
  createIdMint,
  reservationOf,
  type TenantId,
  TenantId as TenantIdSchema,
} from "../../../src/kernel/ids.ts";
import type { ReserveReply, ReserveRequest, Settle } from "../../../src/quota/contracts.ts";
import { agentLedgerName, scopeLedgerName } from "../../../src/quota/ledger-names.ts";
import { ledgerStub } from "../../../src/quota/ledger-namespace.store.ts";
import { createAgentLedgers, createTenantLedgers } from "../../../src/quota/ledgers.store.ts";
import type { LimitClaim } from "../../../src/quota/limit-claim.ts";

export const config = configOf(env);
export const ids = createIdMint(
  () => 1_790_000_000_000,
  (length) => crypto.getRandomValues(new Uint8Array(length)),
);
export const agents = createAgentLedgers(env, config);
export const tenants = createTenantLedgers(env, config);

export const newTenant = (): TenantId => TenantIdSchema.parse(`t-${crypto.randomUUID()}`);

export interface Who {
  readonly home: "global";
  readonly tenantId: TenantId;
  readonly agentId: AgentId;
}

export async function newAgent(tenantId = newTenant()): Promise<Who> {
  const who: Who = { home: "global", tenantId, agentId: ids.agent() };
  await agents.putAgentState({ v: 1, ...who, version: 1, status: "active" });
  return who;
}

export const callerOf = (who: Who, agentVersion = 1) => ({
  ...who,
  agentVersion,
  tokenId: ids.token(),
  issuedAtSeconds: 0,
});

export const claim = (part: Partial<LimitClaim>): LimitClaim => ({
  owner: "policy:p",
  scope: "agent",
  subject: null,
  meter: "requests",
  window: "day",
  limit: 1_000,
  amount: 1,
  ...part,
});

export const ask = (who: Who, claims: LimitClaim[], part: Partial<ReserveRequest> = {}): ReserveRequest => ({
  v: 1,
  caller: callerOf(who),
  reservationId: reservationOf(ids.decision()),
  decisionId: ids.decision(),
  snapshot: { tenant: 1_000, platform: 1_000 },
  purpose: "relay",
  candidates: [{ claims, reservedTokens: 100, reservedCostNanoUsd: null }],
  idempotency: null,
  subject: {
    requestId: "request-1",
    action: "chat",
    resource: "api://azure-openai/models/m",
    endUser: null,
  },
  ...part,
});

export async function reserve(request: ReserveRequest): Promise<ReserveReply> {
  const reply = await agents.reserve(request);
  if (!reply.ok) throw new Error(reply.error.code);
  return reply.value;
}

export async function reserved(request: ReserveRequest) {
  const reply = await reserve(request);
  if (reply.outcome !== "reserved") throw new Error(JSON.stringify(reply));
  return reply;
}

export async function settle(
  who: Who,
  reservationId: string,
  outcome: Settle["outcome"],
  purpose: Settle["purpose"] = "relay",
) {
  const caller = { home: who.home, tenantId: who.tenantId, agentId: who.agentId };
  const reply = await agents.settle({
    v: 1,
    caller,
    reservationId: reservationId as Settle["reservationId"],
    purpose,
    outcome,
    completion: null,
  });
  if (!reply.ok) throw new Error(reply.error.code);
  return reply.value;
}

export const used = (totalTokens: number): Settle["outcome"] => ({
  kind: "used",
  usage: { promptTokens: 0, cachedPromptTokens: 0, completionTokens: totalTokens, totalTokens },
  costNanoUsd: null,
});

export const agentStub = async (who: Who) =>
  ledgerStub(
    env.AGENT_LEDGER,
    who.home,
    await agentLedgerName(config.ledgerNameSecret, who.tenantId, who.agentId),
  );

export const scopeStub = async (scope: TenantId | "platform") =>
  ledgerStub(env.TENANT_LEDGER, "global", await scopeLedgerName(config.ledgerNameSecret, scope));
