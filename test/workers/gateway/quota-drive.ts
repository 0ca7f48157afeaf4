// What the quota tests share: chosen time, many calls at once, a watch over every limit, and what the ledgers hold.
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { vi } from "vitest";
import type { AuditRecord } from "../../../src/audit/audit-record.ts";
import type { AzureRequest } from "../../../src/azure/azure-calls.ts";
import { configOf } from "../../../src/bindings.ts";
import type { GatewayPorts } from "../../../src/gateway/gateway-ports.ts";
import { AgentId, TenantId } from "../../../src/kernel/ids.ts";
import type { Settle } from "../../../src/quota/contracts.ts";
import { agentLedgerName, scopeLedgerName } from "../../../src/quota/ledger-names.ts";
import { ledgerStub } from "../../../src/quota/ledger-namespace.store.ts";
import type { AgentLedgers } from "../../../src/quota/ledgers.ts";
import { counterName, type Meter } from "../../../src/quota/limit-claim.ts";
import {
  admin,
  backgroundDone,
  type CallOptions,
  call,
  codeOf,
  completion,
  type newCaller,
  ports,
  scriptedAzure,
} from "./gateway-fixture.ts";

// Time stands still unless a test says otherwise, and never goes back: leases of one test must not bind the next.
vi.useFakeTimers({ toFake: ["Date"], now: Date.parse("2030-05-05T12:00:00Z") });
export const pass = (ms: number): void => void vi.setSystemTime(Date.now() + ms);
export const setTime = (at: string): void => {
  if (Date.parse(at) < Date.now()) throw new Error("Time does not go back here.");
  vi.setSystemTime(Date.parse(at));
};

export const config = configOf(env);
export type Caller = Awaited<ReturnType<typeof newCaller>>;

export async function agentsOfTenant(first: Caller, count: number): Promise<Caller[]> {
  const { tenantId } = first;
  const agents = [first];
  while (agents.length < count) {
    const agentId = String((await admin("POST", "/v1/agents", { name: "agent", tenantId })).id);
    const token = String((await admin("POST", "/v1/tokens", { agentId })).token);
    agents.push({ ...first, agentId, token });
  }
  return agents;
}

const secret = config.ledgerNameSecret;
/** A new stub each time: one whose object has crashed stays broken. */
export const agentLedger = async ({ tenantId, agentId }: Caller) =>
  ledgerStub(
    env.AGENT_LEDGER,
    "global",
    await agentLedgerName(secret, TenantId.parse(tenantId), AgentId.parse(agentId)),
  );
export const tenantLedger = async ({ tenantId }: Caller) =>
  ledgerStub(env.TENANT_LEDGER, "global", await scopeLedgerName(secret, TenantId.parse(tenantId)));

const rowsOf = async <T extends Rpc.DurableObjectBranded, R extends Record<string, SqlStorageValue>>(
  ledger: DurableObjectStub<T>,
  query: string,
): Promise<R[]> => runInDurableObject(ledger, (_, { storage }) => storage.sql.exec<R>(query).toArray());

/** Without the owner, which has a name of its own in each test. */
const shortName = (counter: string) => counter.split("/").slice(1).join("/");

/** Stored counters by `scope/meter/window`, summed over windows and subjects, with what is not settled. */
export async function stored(caller: Caller) {
  const ledger = await agentLedger(caller);
  const buckets = await rowsOf<never, { counter: string; used: number; ahead: number }>(
    ledger as never,
    "SELECT counter, used, ahead FROM counter_buckets ORDER BY bucket",
  );
  const used: Record<string, number> = {};
  let ahead = 0;
  for (const bucket of buckets) {
    const name = shortName(bucket.counter).split("/").slice(0, 3).join("/");
    used[name] = (used[name] ?? 0) + bucket.used;
    ahead += bucket.ahead;
  }
  return { used, ahead, open: (await openReservationIds(caller)).length };
}

/** Those that are stored: a busy ledger keeps its last ones in memory. */
export async function openReservationIds(caller: Caller): Promise<string[]> {
  const rows = await rowsOf<never, { id: string }>(
    (await agentLedger(caller)) as never,
    "SELECT id FROM open_reservations",
  );
  return rows.map(({ id }) => id);
}

export async function storedBuckets(caller: Caller) {
  const query = "SELECT counter, bucket, used, ahead FROM counter_buckets ORDER BY counter, bucket";
  return rowsOf<never, { counter: string; bucket: number; used: number; ahead: number }>(
    (await agentLedger(caller)) as never,
    query,
  );
}

/** What the tenant's ledger counts as held, by counter, and the calls it takes to be under way. */
export async function above(caller: Caller) {
  const ledger = await tenantLedger(caller);
  const rows = await rowsOf<never, { counter: string; held: number }>(
    ledger as never,
    "SELECT counter, total(held) AS held FROM holds GROUP BY counter",
  );
  const permits = await rowsOf(ledger, "SELECT id FROM permits");
  return {
    held: Object.fromEntries(rows.map(({ counter, held }) => [shortName(counter), held])),
    permits: permits.length,
  };
}

/** Longer than chunks stay open after the last call, and than any lease. */
const QUIET_MS = 40_000;

export async function alarms(callers: readonly Caller[]): Promise<void> {
  for (const caller of callers) await runDurableObjectAlarm(await agentLedger(caller));
}

/** Nobody calls any more: what a ledger does by itself then. */
export async function quiet(callers: readonly Caller[], afterMs = QUIET_MS): Promise<void> {
  await backgroundDone();
  pass(afterMs);
  await alarms(callers);
  await backgroundDone();
}

/** Records that a busy ledger sends by itself; to be called again after each restart of the ledger. */
export async function hearLedger(caller: Caller, heard: AuditRecord[]): Promise<void> {
  const send = async (message: AuditRecord | { records: AuditRecord[] }) =>
    void heard.push(...("records" in message ? message.records : [message]));
  await runInDurableObject(await agentLedger(caller), (ledger) => {
    Reflect.set(ledger, "env", { ...env, GLOBAL_AUDIT: { send } });
  });
}

/** It leaves memory once nobody is being answered. */
export async function evict<T extends Rpc.DurableObjectBranded>(ledger: DurableObjectStub<T>): Promise<void> {
  // One that is not there cannot be evicted.
  await runInDurableObject(ledger, () => {});
  await evictDurableObject(ledger);
}

/** The machine is gone, with all that was only in memory; calls in flight fail. */
export async function crash<T extends Rpc.DurableObjectBranded>(ledger: DurableObjectStub<T>): Promise<void> {
  await runInDurableObject(ledger, (_, state) => state.abort("crashed by a test")).catch(() => undefined);
}

type Claims = Parameters<AgentLedgers["reserve"]>[0]["candidates"][number]["claims"];
const spentOf: Record<Meter, (outcome: Extract<Settle["outcome"], { kind: "used" }>) => number | null> = {
  requests: () => 1,
  tokens: ({ usage }) => usage.totalTokens,
  cost: ({ costNanoUsd }) => costNanoUsd,
  concurrent: () => 0,
};

/**
 * Adds up what the gateway was allowed and has not yet given back. At no moment is that more than the ledger itself
 * counts, so a sum above its limit proves that the ledger admitted too much. One window only.
 */
export function watchLedgers(ledgers: AgentLedgers = ports.ledgers) {
  const sums: Record<string, number> = {};
  const peaks = new Map<string, number>();
  const over: string[] = [];
  const open = new Map<string, Claims>();
  const add = (counter: string, amount: number) => {
    const sum = (sums[counter] ?? 0) + amount;
    sums[counter] = sum;
    peaks.set(counter, Math.max(sum, peaks.get(counter) ?? 0));
  };
  const watched: AgentLedgers = {
    ...ledgers,
    async reserve(request) {
      const reply = await ledgers.reserve(request);
      if (!reply.ok || reply.value.outcome !== "reserved") return reply;
      const claims = request.candidates[reply.value.candidate]?.claims ?? [];
      open.set(reply.value.reservationId, claims);
      for (const claim of claims) {
        const counter = counterName(claim);
        add(counter, claim.amount);
        if ((sums[counter] ?? 0) > claim.limit) over.push(`${counter}: ${sums[counter]} > ${claim.limit}`);
      }
      return reply;
    },
    async settle(request) {
      const { outcome, reservationId } = request;
      for (const claim of open.get(reservationId) ?? []) {
        const { meter, amount } = claim;
        const whole = meter === "concurrent" ? 0 : amount;
        const actual =
          outcome.kind === "released"
            ? 0
            : ((outcome.kind === "used" ? spentOf[meter](outcome) : null) ?? whole);
        add(counterName(claim), actual - amount);
      }
      open.delete(reservationId);
      return ledgers.settle(request);
    },
  };
  return { ledgers: watched, over, peaks, open };
}

export interface Ask {
  readonly caller: Caller;
  readonly options?: CallOptions;
  /** Not before this. */
  readonly after?: Promise<unknown> | undefined;
}

interface VolleyOptions {
  readonly answer?: (request: AzureRequest) => Response;
  readonly overrides?: Partial<GatewayPorts>;
  /** Called with how many have reached Azure so far. */
  readonly reached?: (count: number) => unknown;
  /** Awaited when everybody is decided, before Azure answers. */
  readonly held?: () => unknown;
}

/**
 * All at once, and Azure answers nobody before everybody else has been decided: the most that can be under way.
 * @returns how many calls ended how: `allowed`, or a refusal's code.
 */
export async function volley(
  asks: readonly Ask[],
  { answer = () => completion(), overrides = {}, reached = () => {}, held = () => {} }: VolleyOptions = {},
) {
  const mayAnswer = Promise.withResolvers<void>();
  /** One after the other: two evictions at once are one too many. */
  let meanwhile: Promise<unknown> = Promise.resolve();
  const failures: unknown[] = [];
  const failed = (error: unknown) => void failures.push(error);
  let undecided = asks.length;
  const decided = () => {
    undecided -= 1;
    if (undecided === 0) meanwhile.then(held).catch(failed).finally(mayAnswer.resolve);
  };
  const azure = scriptedAzure(async (request) => {
    const count = azure.requests.length;
    meanwhile = meanwhile.then(() => reached(count));
    decided();
    await mayAnswer.promise;
    return answer(request);
  });
  const tally: Record<string, number> = {};
  const records: AuditRecord[] = [];
  const kept = { send: async (_home: unknown, record: AuditRecord) => records.push(record) > 0 };
  const fire = async ({ caller, options = {}, after }: Ask) => {
    await after;
    const response = await call(caller, { records: kept, ...overrides, azure }, options);
    if (!response.ok) decided();
    const ending = response.ok ? "allowed" : await codeOf(response);
    if (response.ok) await response.body?.cancel();
    tally[ending] = (tally[ending] ?? 0) + 1;
  };
  await Promise.all(asks.map(fire));
  // What a test found out on the way; to the gateway it would only look like an Azure that is ill.
  for (const failure of failures) throw failure;
  return { tally, requests: azure.requests, records };
}

export const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));

export const chatBody = (fields: object = {}): string =>
  JSON.stringify({ messages: [{ role: "user", content: "Hello" }], max_tokens: 50, ...fields });
