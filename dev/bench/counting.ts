/**
 * What the gateway asks of the platform per request, counted in a build that counts (workers/counting-gateway.ts); and
 * what ledgers cost without that which makes them cheap.
 */
import { setTimeout as wait } from "node:timers/promises";
import type { Child } from "./child.ts";
import { type Use, useOf } from "./cost-model.ts";
import { Counts, type LedgerLoad, LedgerRate, type Switches } from "./count-contract.ts";
import { type Row, row } from "./figures.ts";
import { type Fleet, PLENTY } from "./gateway-data.ts";
import type { Plan } from "./plan.ts";
import { CONNECTIONS } from "./rounds.ts";
import { type Load, type Measured, measure, type Target } from "./targets.ts";

/** Where a ledger's own cost matters: below, its writes do not add up; above, they are shared by more calls. */
const BUSY_PER_SECOND = 100;
const FLEET_PER_SECOND = 300;
/** One row for five requests. */
const ROWS_TARGET = { atMost: 0.2 };
const OPEN_LOOP_CONNECTIONS = 64;
const QUIET_CALLS = 4;
/** The load outlasts what is counted. */
const AFTER_COUNTING_MS = 300;

/** Every window and meter but cost and concurrency, so that none of the counters that are usual is missing. */
const limits = {
  maxRequestsPerMinute: PLENTY,
  maxTokensPerMinute: PLENTY,
  maxRequestsPerDay: PLENTY,
  maxTokensPerDay: PLENTY,
};

export interface UseOfCase {
  readonly name: string;
  readonly use: Use;
}

export interface Counted {
  readonly rows: readonly Row[];
  readonly uses: readonly UseOfCase[];
}

export interface CountingGateway {
  readonly target: Target;
  addFleet(fleet: Fleet): Promise<readonly string[]>;
}

interface CountedLoad {
  readonly measured: Measured;
  /** Of one request. */
  readonly each: Counts;
}

export async function countUse(
  generator: Child,
  { target, addFleet }: CountingGateway,
  plan: Plan,
): Promise<Counted> {
  const ask = async (path: string, body?: Switches | LedgerLoad): Promise<unknown> => {
    const init = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
    return (await fetch(`http://127.0.0.1:${target.port}/bench/${path}`, init)).json();
  };
  const run = (apiKeys: readonly string[], load: Omit<Load, "deployment">) =>
    measure(generator, { ...target, apiKeys }, { deployment: "chat", ...load });
  const counts = async () => Counts.parse(await ask("counts"));

  /** Between two moments of one load: a ledger that turns busy, or quiet again, is neither. */
  async function counted(apiKeys: readonly string[], load: Omit<Load, "deployment">): Promise<CountedLoad> {
    const { durationMs } = load;
    const running = run(apiKeys, { ...load, durationMs: plan.rampMs + durationMs + AFTER_COUNTING_MS });
    await wait(plan.rampMs);
    const before = await counts();
    await wait(durationMs);
    const after = await counts();
    return { measured: await running, each: perRequest(before, after) };
  }

  /** From silence to silence: each call's work is over before the next. */
  async function countedQuiet(apiKeys: readonly string[]): Promise<CountedLoad> {
    const load = rate(1_000 / plan.quietGapMs, plan.quietGapMs * QUIET_CALLS);
    await run(apiKeys, { ...load, durationMs: 1 });
    await wait(plan.quietGapMs);
    const before = await counts();
    const measured = await run(apiKeys, load);
    await wait(plan.quietGapMs);
    return { measured, each: perRequest(before, await counts()) };
  }

  const [agent = ""] = await addFleet({ role: "metered", agents: 1, constraints: limits });
  const fleetLimits = { ...limits, quotaScope: "tenant" };
  const fleet = await addFleet({ role: "fleet", agents: plan.fleetAgents, constraints: fleetLimits });
  const quiet = await countedQuiet([agent]);
  const busy = await counted([agent], rate(BUSY_PER_SECOND, plan.countedMs));
  const fleetAtRate = await counted(fleet, rate(FLEET_PER_SECOND, plan.countedMs));

  const saturation = {
    connections: CONNECTIONS,
    durationMs: plan.saturationMs,
    arrival: { kind: "closed" },
  } as const;
  const sliced: CountedLoad[] = [];
  const unsliced: CountedLoad[] = [];
  const ahead: number[] = [];
  const through: number[] = [];
  const alone = async (switches: Switches, rates: number[]) => {
    await ask("switches", switches);
    const load = { durationMs: plan.ledgerAloneMs, callers: CONNECTIONS };
    await ask("ledger", { ...load, durationMs: plan.ledgerAloneMs / 3 });
    rates.push(LedgerRate.parse(await ask("ledger", load)).pairsPerSecond);
  };
  for (let round = 0; round < plan.countedRounds; round++) {
    await ask("switches", { slices: true, chunks: true });
    sliced.push(await counted(fleet, saturation));
    await ask("switches", { slices: false, chunks: true });
    unsliced.push(await counted(fleet, saturation));
    await alone({ slices: true, chunks: true }, ahead);
    await alone({ slices: true, chunks: false }, through);
  }

  const perSecond = ({ measured }: CountedLoad) => measured.perSecond;
  const cpu = ({ measured }: CountedLoad) => measured.cpuMicroseconds;
  const tenantCalls = ({ each }: CountedLoad) => each.tenant.calls;
  const failedPercent = ({ measured: { failed, answers } }: CountedLoad) =>
    (failed * 100) / Math.max(1, failed + answers);
  const ratio = (left: readonly number[], right: readonly number[]) =>
    left.map((value, index) => value / (right[index] ?? Number.NaN));
  const ofFleet = `${plan.fleetAgents} agents of one tenant`;
  const ofBusy = `${BUSY_PER_SECOND}/s of one agent`;
  return {
    rows: [
      row("ledger_calls", `${ofBusy}: calls to its ledger per request`, "", [busy.each.agent.calls]),
      row("ledger_hops", `${ofBusy}: calls to the tenant's ledger per request`, "", [busy.each.tenant.calls]),
      row(
        "ledger_rows",
        `${ofBusy}: rows written by ledgers per request`,
        "",
        [rowsWritten(busy)],
        ROWS_TARGET,
      ),
      row("ledger_ahead", "one ledger alone: reserve and settle, charged ahead", "1/s", ahead),
      row("ledger_through", "one ledger alone: reserve and settle, each call written", "1/s", through),
      row("ledger_ratio", "one ledger alone: charged ahead ÷ each call written", "", ratio(ahead, through)),
      row("fleet_sliced", `${ofFleet}, tenant-wide limits: requests/s`, "1/s", sliced.map(perSecond)),
      row("fleet_unsliced", `${ofFleet}, a hop for every ask: requests/s`, "1/s", unsliced.map(perSecond)),
      row(
        "fleet_ratio",
        `${ofFleet}: requests/s with slices ÷ with a hop for every ask`,
        "",
        ratio(sliced.map(perSecond), unsliced.map(perSecond)),
      ),
      row("fleet_cpu", `${ofFleet}, tenant-wide limits: CPU per request`, "µs", sliced.map(cpu)),
      row("fleet_unsliced_cpu", `${ofFleet}, a hop for every ask: CPU per request`, "µs", unsliced.map(cpu)),
      row(
        "fleet_hops",
        `${ofFleet}, tenant-wide limits: calls to the tenant's ledger per request`,
        "",
        sliced.map(tenantCalls),
      ),
      row(
        "fleet_unsliced_hops",
        `${ofFleet}, a hop for every ask: calls to the tenant's ledger per request`,
        "",
        unsliced.map(tenantCalls),
      ),
      row(
        "fleet_unsliced_failed",
        `${ofFleet}, a hop for every ask: answers refused or failed`,
        "%",
        unsliced.map(failedPercent),
      ),
      row(
        "counted_failed",
        "answers that failed or differ in all other counted loads",
        "",
        [quiet, busy, fleetAtRate, ...sliced].map(({ measured }) => measured.failed + measured.different),
        { atMost: 0 },
      ),
    ],
    uses: [
      useOfCase(`one busy agent, ${BUSY_PER_SECOND}/s`, busy),
      useOfCase(`one quiet agent, a call every ${plan.quietGapMs / 1_000} s`, quiet),
      useOfCase(`${ofFleet}, tenant-wide limits, ${FLEET_PER_SECOND}/s together`, fleetAtRate),
    ],
  };
}

const rate = (perSecond: number, durationMs: number): Omit<Load, "deployment"> => ({
  connections: OPEN_LOOP_CONNECTIONS,
  durationMs,
  arrival: { kind: "rate", perSecond },
});

const rowsWritten = ({ each }: CountedLoad): number =>
  each.agent.rowsWritten + each.tenant.rowsWritten + each.platform.rowsWritten;

const useOfCase = (name: string, { measured, each }: CountedLoad): UseOfCase => ({
  name,
  use: useOf(each, measured.cpuMicroseconds / 1_000),
});

function perRequest(before: Counts, after: Counts): Counts {
  const requests = after.requests - before.requests;
  const each = (earlier: unknown, later: unknown): unknown =>
    typeof earlier === "number" && typeof later === "number"
      ? (later - earlier) / Math.max(1, requests)
      : Object.fromEntries(
          Object.entries(later ?? {}).map(([name, value]) => [
            name,
            each(Reflect.get(Object(earlier), name), value),
          ]),
        );
  return Counts.parse(each(before, after));
}
