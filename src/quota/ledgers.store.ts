/** The ledgers over RPC: errors of the platform become refusals here, and nowhere else. */
import type { AuditRecord } from "../audit/audit-record.ts";
import type { Config, Env } from "../bindings.ts";
import { type Refusal, refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import type { AgentLedger } from "./agent-ledger.object.ts";
import { callLedger, isOverloaded, LEDGER_CALL_MAX_MS } from "./call-ledger.store.ts";
import { ConfirmReply, PrepareReply, PublishReply, ReserveReply, SettleReply } from "./contracts.ts";
import { LedgerNameCache } from "./ledger-name-cache.ts";
import { agentLedgerName, scopeLedgerName } from "./ledger-names.ts";
import { ledgerStub } from "./ledger-namespace.store.ts";
import type { AgentAddress, AgentLedgers, ScopeAddress, TenantLedgers } from "./ledgers.ts";
import type { TenantLedger } from "./tenant-ledger.object.ts";

/** Per secret, so that a test with another secret does not read names of this one. */
const nameCaches = new Map<string, LedgerNameCache>();

function nameCacheOf(secret: string): LedgerNameCache {
  const cache = nameCaches.get(secret) ?? new LedgerNameCache();
  nameCaches.set(secret, cache);
  return cache;
}

async function attempt<T>(
  call: () => Promise<unknown>,
  parse: (reply: unknown) => T,
  maxMs: number,
): Promise<Result<T, Refusal>> {
  try {
    return ok(parse(await callLedger(call, maxMs)));
  } catch (error) {
    return fail(refuse(isOverloaded(error) ? "ledger_overloaded" : "ledger_unavailable"));
  }
}

const nothing = (): null => null;

export function createAgentLedgers(env: Env, config: Config, maxMs = LEDGER_CALL_MAX_MS): AgentLedgers {
  const names = nameCacheOf(config.ledgerNameSecret);
  const call = <T>(
    { home, tenantId, agentId }: AgentAddress,
    method: (ledger: DurableObjectStub<AgentLedger>) => Promise<unknown>,
    parse: (reply: unknown) => T,
  ) => {
    const make = () => agentLedgerName(config.ledgerNameSecret, tenantId, agentId);
    const named = () => names.get(`agent/${tenantId}/${agentId}`, make);
    return attempt(async () => method(ledgerStub(env.AGENT_LEDGER, home, await named())), parse, maxMs);
  };
  return {
    reserve: (request) => call(request.caller, (ledger) => ledger.reserve(request), ReserveReply.parse),
    confirm: (request) => call(request.caller, (ledger) => ledger.confirm(request), ConfirmReply.parse),
    settle: (request) => call(request.caller, (ledger) => ledger.settle(request), SettleReply.parse),
    keepRecord: (address: AgentAddress, record: AuditRecord) =>
      call(address, (ledger) => ledger.keepRecord(record), nothing),
    putAgentState: (state) => call(state, (ledger) => ledger.putAgentState(state), nothing),
  };
}

export function createTenantLedgers(env: Env, config: Config, maxMs = LEDGER_CALL_MAX_MS): TenantLedgers {
  const names = nameCacheOf(config.ledgerNameSecret);
  const call = <T>(
    { scope, home }: ScopeAddress,
    method: (ledger: DurableObjectStub<TenantLedger>) => Promise<unknown>,
    parse: (reply: unknown) => T,
  ) => {
    const named = () => names.get(`scope/${scope}`, () => scopeLedgerName(config.ledgerNameSecret, scope));
    return attempt(async () => method(ledgerStub(env.TENANT_LEDGER, home, await named())), parse, maxMs);
  };
  return {
    prepare: ({ scope, home }) =>
      call({ scope, home }, (ledger) => ledger.prepare({ v: 1, scope, home }), PrepareReply.parse),
    publish: (address, revision) =>
      call(address, (ledger) => ledger.publish({ v: 1, scope: address.scope, revision }), PublishReply.parse),
    resolve: (address, revision) =>
      call(address, (ledger) => ledger.resolve({ v: 1, scope: address.scope, revision }), PublishReply.parse),
  };
}
