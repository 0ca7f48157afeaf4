/** A ledger's one hop to the ledger above it: an agent's to its tenant's, a tenant's to the platform's. */
import { configOf, type Env } from "../bindings.ts";
import type { Scope } from "../kernel/ids.ts";
import type { Home } from "../residency/home.ts";
import { callLedger } from "./call-ledger.store.ts";
import { LeaseReply, type TenantReserve, TenantReserveReply, type TenantSettle } from "./contracts.ts";
import { scopeLedgerName } from "./ledger-names.ts";
import { ledgerStub } from "./ledger-namespace.store.ts";
import type { SliceRequest } from "./slice-contracts.ts";

/** Well below the time a Worker waits for the ledger that makes the hop. */
const HOP_MAX_MS = 4_000;

export interface TenantHop {
  /** @param slices null where nothing tenant-wide is held or asked for. */
  lease(slices: SliceRequest | null, wantedMs?: number): Promise<LeaseReply>;
  reserve(request: Omit<TenantReserve, "v" | "scope" | "home">): Promise<TenantReserveReply>;
  settle(request: TenantSettle): Promise<void>;
}

export function createTenantHop(env: Env, scope: Scope, home: Home): TenantHop {
  let name: string | undefined;
  const stub = async () => {
    name ??= await scopeLedgerName(configOf(env).ledgerNameSecret, scope);
    return ledgerStub(env.TENANT_LEDGER, home, name);
  };
  const call = (method: (ledger: Awaited<ReturnType<typeof stub>>) => Promise<unknown>) =>
    callLedger(async () => method(await stub()), HOP_MAX_MS);
  return {
    async lease(slices, wantedMs = 0) {
      return LeaseReply.parse(await call((ledger) => ledger.lease({ v: 1, scope, home, slices, wantedMs })));
    },
    async reserve(request) {
      const reply = await call((ledger) => ledger.reserve({ v: 1, scope, home, ...request }));
      return TenantReserveReply.parse(reply);
    },
    async settle(request) {
      await call((ledger) => ledger.settle(request));
    },
  };
}
