/** The ledgers over RPC: errors of the platform become refusals here, and nowhere else. */
import type { AuditRecord } from "../audit/audit-record.ts";
import type { Config, Env } from "../bindings.ts";
import type { StartTimer } from "../kernel/clock.ts";
import { type Refusal, refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import type { AgentLedger } from "./agent-ledger.object.ts";
import { ApprovalDecisionReply } from "./approval-contracts.ts";
import {
  callLedger,
  isOverloaded,
  LEDGER_CALL_MAX_MS,
  startTimer as platformTimer,
} from "./call-ledger.store.ts";
import { RenewReply } from "./contracts.ts";
import { LedgerNameCache } from "./ledger-name-cache.ts";
import { agentLedgerName, scopeLedgerName } from "./ledger-names.ts";
import { ledgerStub } from "./ledger-namespace.store.ts";
import { confirmReply, reserveReply, settleReply } from "./ledger-reply.ts";
import type { AgentAddress, AgentLedgers, LedgerReadings, ScopeAddress, TenantLedgers } from "./ledgers.ts";
import { ReservationReply, StateReply, TotalsReply } from "./state-contracts.ts";
import type { TenantLedger } from "./tenant-ledger.object.ts";
import { RefreshReply } from "./token-contracts.ts";
import { PrepareReply, PublishReply } from "./write-contracts.ts";

/** Per secret, so that a test with another secret does not read names of this one. */
const nameCaches = new Map<string, LedgerNameCache>();

function nameCacheOf(secret: string): LedgerNameCache {
  const cache = nameCaches.get(secret) ?? new LedgerNameCache();
  nameCaches.set(secret, cache);
  return cache;
}

/** How long a call may take, by whose timer. */
interface CallLimit {
  readonly maxMs?: number;
  readonly startTimer?: StartTimer;
}

async function attempt<T>(
  call: () => Promise<unknown>,
  parse: (reply: unknown) => T,
  { maxMs = LEDGER_CALL_MAX_MS, startTimer = platformTimer }: CallLimit,
): Promise<Result<T, Refusal>> {
  try {
    return ok(parse(await callLedger(call, maxMs, startTimer)));
  } catch (error) {
    return fail(refuse(isOverloaded(error) ? "ledger_overloaded" : "ledger_unavailable"));
  }
}

function agentCaller(env: Env, config: Config, limit: CallLimit) {
  const names = nameCacheOf(config.ledgerNameSecret);
  return <T>(
    { home, tenantId, agentId }: AgentAddress,
    method: (ledger: DurableObjectStub<AgentLedger>) => Promise<unknown>,
    parse: (reply: unknown) => T,
  ) => {
    const make = () => agentLedgerName(config.ledgerNameSecret, tenantId, agentId);
    const named = () => names.get(`agent/${tenantId}/${agentId}`, make);
    return attempt(async () => method(ledgerStub(env.AGENT_LEDGER, home, await named())), parse, limit);
  };
}

function scopeCaller(env: Env, config: Config, limit: CallLimit) {
  const names = nameCacheOf(config.ledgerNameSecret);
  return <T>(
    { scope, home }: ScopeAddress,
    method: (ledger: DurableObjectStub<TenantLedger>) => Promise<unknown>,
    parse: (reply: unknown) => T,
  ) => {
    const named = () => names.get(`scope/${scope}`, () => scopeLedgerName(config.ledgerNameSecret, scope));
    return attempt(async () => method(ledgerStub(env.TENANT_LEDGER, home, await named())), parse, limit);
  };
}

const nothing = (): null => null;

export function createAgentLedgers(env: Env, config: Config, limit: CallLimit = {}): AgentLedgers {
  const call = agentCaller(env, config, limit);
  return {
    reserve: (request) => call(request.caller, (ledger) => ledger.reserve(request), reserveReply),
    confirm: (request) => call(request.caller, (ledger) => ledger.confirm(request), confirmReply),
    refresh: (request) => call(request.caller, (ledger) => ledger.refresh(request), RefreshReply.parse),
    renew: (request) => call(request.caller, (ledger) => ledger.renew(request), RenewReply.parse),
    settle: (request) => call(request.caller, (ledger) => ledger.settle(request), settleReply),
    keepRecord: (address: AgentAddress, record: AuditRecord) =>
      call(address, (ledger) => ledger.keepRecord(record), nothing),
    putAgentState: (state) => call(state, (ledger) => ledger.putAgentState(state), nothing),
    keepObject: (kept) => call(kept.caller, (ledger) => ledger.keepObject(kept), nothing),
    forgetObject: (forgotten) => call(forgotten.caller, (ledger) => ledger.forgetObject(forgotten), nothing),
    revokeTokens: (revocation) => call(revocation, (ledger) => ledger.revokeTokens(revocation), nothing),
    decideApproval: (decision) =>
      call(decision, (ledger) => ledger.decideApproval(decision), ApprovalDecisionReply.parse),
  };
}

export function createTenantLedgers(env: Env, config: Config, limit: CallLimit = {}): TenantLedgers {
  const call = scopeCaller(env, config, limit);
  return {
    prepare: ({ scope, home }) =>
      call({ scope, home }, (ledger) => ledger.prepare({ v: 1, scope, home }), PrepareReply.parse),
    publish: (address, revision) =>
      call(address, (ledger) => ledger.publish({ v: 1, scope: address.scope, revision }), PublishReply.parse),
    resolve: (address, revision) =>
      call(address, (ledger) => ledger.resolve({ v: 1, scope: address.scope, revision }), PublishReply.parse),
  };
}

export function createLedgerReadings(env: Env, config: Config, limit: CallLimit = {}): LedgerReadings {
  const callAgent = agentCaller(env, config, limit);
  const callScope = scopeCaller(env, config, limit);
  return {
    state: ({ home, tenantId, agentId }, page) => {
      const caller = { home, tenantId, agentId };
      return callAgent(caller, (ledger) => ledger.state({ v: 1, caller, ...page }), StateReply.parse);
    },
    reservation: ({ home, tenantId, agentId }, reservationId) => {
      const caller = { home, tenantId, agentId };
      const look = { v: 1, caller, reservationId } as const;
      return callAgent(caller, (ledger) => ledger.reservation(look), ReservationReply.parse);
    },
    totals: (address, counters) =>
      callScope(address, (ledger) => ledger.totals({ v: 1, counters: [...counters] }), TotalsReply.parse),
  };
}
