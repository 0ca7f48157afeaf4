/**
 * How a tenant with thousands of agents behaves: the ledgers' own reducers in virtual time, without crashes or lost
 * answers, with a seed, so that two runs give the same figures. By itself: `node dev/bench/scale.ts`.
 */
import { MINUTE_MS, SECOND_MS } from "../../src/kernel/clock.ts";
import { AgentId, createIdMint, DEFAULT_TENANT, TokenId } from "../../src/kernel/ids.ts";
import type { LedgerCandidate } from "../../src/quota/contracts.ts";
import { counterName } from "../../src/quota/limit-claim.ts";
import { ScaleAgent, type ScaleTally } from "./scale-agent.ts";
import { ScaleTenant } from "./scale-tenant.ts";
import { percentile } from "./statistics.ts";
import { VirtualTime } from "./virtual-time.ts";

const SEED = 20_261_122;
const START_MS = Date.UTC(2026, 10, 23, 9);
/** After this, the sliding minute is full and every agent has called. */
const WARM_MS = MINUTE_MS;
const MEASURED_MS = 20 * SECOND_MS;
const SAMPLE_MS = 5 * SECOND_MS;
const RESERVED_TOKENS = 450;

export interface Scenario {
  readonly name: string;
  readonly callsPerMinute: number;
  /** Of the agents, how many call how often. */
  readonly busy: { readonly share: number; readonly callsPerMinute: number } | null;
  /** The tenant's requests per minute over what its agents ask for; null = nothing is tenant-wide. */
  readonly budgetOverDemand: number | null;
}

const scenarios: readonly Scenario[] = [
  { name: "1 a minute, no tenant-wide limit", callsPerMinute: 1, busy: null, budgetOverDemand: null },
  { name: "1 a minute", callsPerMinute: 1, busy: null, budgetOverDemand: 2 },
  { name: "10 a minute, no tenant-wide limit", callsPerMinute: 10, busy: null, budgetOverDemand: null },
  { name: "10 a minute", callsPerMinute: 10, busy: null, budgetOverDemand: 2 },
  {
    name: "1 a minute, one in a hundred 5 a second",
    callsPerMinute: 1,
    busy: { share: 0.01, callsPerMinute: 300 },
    budgetOverDemand: 2,
  },
  { name: "10 a minute, budget for half of it", callsPerMinute: 10, busy: null, budgetOverDemand: 0.5 },
];

export interface ScaleResult {
  readonly name: string;
  readonly callsPerSecond: number;
  readonly renewalsPerSecond: number;
  readonly mostRenewalsInASecond: number;
  readonly leaseWantedMs: number;
  readonly leaseGrantedMs: number;
  readonly hoppedShare: number;
  readonly refusedShare: number;
  readonly gaveUpShare: number;
  readonly tenantRowsPerCall: number;
  /** All null where nothing is tenant-wide. */
  readonly heldShare: number | null;
  /** The most in any minute. */
  readonly admittedShare: number | null;
  readonly unspentShare: number | null;
  readonly returnedAfterMs: { readonly p50: number; readonly p99: number } | null;
}

export const simulateScale = (agents: number): readonly ScaleResult[] =>
  scenarios.map((scenario) => simulate(scenario, agents));

function simulate(scenario: Scenario, agentCount: number): ScaleResult {
  const random = randomFrom(SEED);
  const time = new VirtualTime(START_MS);
  const tenant = new ScaleTenant();
  const ids = createIdMint(
    () => time.nowMs,
    (length) => Uint8Array.from({ length }, () => Math.floor(random() * 256)),
  );
  const admittedIn = new Map<number, number>();
  let tally = emptyTally(admittedIn);
  const busyAgents = Math.round(agentCount * (scenario.busy?.share ?? 0));
  const rates = Array.from({ length: agentCount }, (_, index) =>
    index < busyAgents ? (scenario.busy?.callsPerMinute ?? 0) : scenario.callsPerMinute,
  );
  const demand = rates.reduce((sum, rate) => sum + rate, 0);
  const budget = scenario.budgetOverDemand === null ? null : Math.round(demand * scenario.budgetOverDemand);
  const candidate = candidateOf(budget);

  const agents = rates.map((callsPerMinute, index) => {
    const agent = new ScaleAgent(time, tenant, ids, callerOf(index), () => tally);
    const next = (): void => {
      time.after(-Math.log(1 - random()) * (MINUTE_MS / callsPerMinute), () => {
        agent.call(candidate);
        next();
      });
    };
    next();
    return agent;
  });

  const startMs = START_MS + WARM_MS;
  time.runUntil(startMs);
  tally = emptyTally(admittedIn);
  tenant.rowsWritten = 0;
  tenant.wantedMs = [];
  tenant.grantedMs = [];
  const renewalsBefore = tenant.renewals;
  let mostRenewals = 0;
  const unspent: number[] = [];
  const held: number[] = [];
  let mostAdmitted = 0;
  for (let atMs = startMs + SECOND_MS; atMs <= startMs + MEASURED_MS; atMs += SECOND_MS) {
    const before = tenant.renewals;
    time.runUntil(atMs);
    mostRenewals = Math.max(mostRenewals, tenant.renewals - before);
    mostAdmitted = Math.max(mostAdmitted, admittedBefore(admittedIn, atMs));
    if (budget === null || (atMs - startMs) % SAMPLE_MS !== 0) continue;
    unspent.push(agents.reduce((sum, agent) => sum + agent.unspent(REQUESTS), 0) / budget);
    held.push(tenant.holds.used(REQUESTS, atMs) / budget);
  }

  const seconds = MEASURED_MS / SECOND_MS;
  const calls = Math.max(1, tally.calls);
  const { returnedAfterMs } = tally;
  return {
    name: scenario.name,
    callsPerSecond: tally.calls / seconds,
    renewalsPerSecond: (tenant.renewals - renewalsBefore) / seconds,
    mostRenewalsInASecond: mostRenewals,
    leaseWantedMs: percentile(tenant.wantedMs, 0.5),
    leaseGrantedMs: percentile(tenant.grantedMs, 0.5),
    hoppedShare: tally.hopped / calls,
    refusedShare: tally.refused / calls,
    gaveUpShare: tally.gaveUp / calls,
    tenantRowsPerCall: tenant.rowsWritten / calls,
    heldShare: budget === null ? null : Math.max(...held),
    admittedShare: budget === null ? null : mostAdmitted / budget,
    unspentShare: budget === null ? null : Math.max(...unspent),
    returnedAfterMs:
      returnedAfterMs.length === 0
        ? null
        : { p50: percentile(returnedAfterMs, 0.5), p99: percentile(returnedAfterMs, 0.99) },
  };
}

const emptyTally = (admittedIn: Map<number, number>): ScaleTally => ({
  calls: 0,
  hopped: 0,
  refused: 0,
  gaveUp: 0,
  admittedIn,
  returnedAfterMs: [],
});

/** In the minute that ends with this second. */
function admittedBefore(admittedIn: ReadonlyMap<number, number>, endMs: number): number {
  let sum = 0;
  for (let atMs = endMs - MINUTE_MS; atMs < endMs; atMs += SECOND_MS)
    sum += admittedIn.get(atMs / SECOND_MS) ?? 0;
  return sum;
}

const owner = { owner: "policy:scale", scope: "tenant", subject: null } as const;
const REQUESTS = counterName({ ...owner, meter: "requests", window: "minute" });

/** Requests by the minute, and tokens by the day beside them: the latter settle below what they reserved. */
function candidateOf(requestsPerMinute: number | null): LedgerCandidate {
  const tokens = { reservedTokens: RESERVED_TOKENS, reservedCostNanoUsd: null };
  if (requestsPerMinute === null) return { ...tokens, claims: [] };
  const tokensPerDay = requestsPerMinute * RESERVED_TOKENS * 24 * 60;
  return {
    ...tokens,
    claims: [
      { ...owner, meter: "requests", window: "minute", limit: requestsPerMinute, amount: 1 },
      { ...owner, meter: "tokens", window: "day", limit: tokensPerDay, amount: RESERVED_TOKENS },
    ],
  };
}

const callerOf = (index: number) => ({
  home: "global" as const,
  tenantId: DEFAULT_TENANT,
  agentId: AgentId.parse(`agent_${index.toString(16).padStart(32, "0")}`),
  agentVersion: 1,
  tokenId: TokenId.parse(`token_${index.toString(16).padStart(32, "0")}`),
  issuedAtSeconds: 0,
});

/** mulberry32: small, fast, and the same everywhere. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

if (import.meta.main) console.table(simulateScale(Number(process.argv[2] ?? 10_000)));
