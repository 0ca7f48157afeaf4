/** The simulated tenant as a table: a column for each scenario. */
import { number, table } from "./markdown-table.ts";
import type { ScaleResult } from "./scale.ts";

const percent = (share: number | null): string => (share === null ? "–" : `${number(share * 100)} %`);
const seconds = (ms: number | undefined): string => (ms === undefined ? "–" : `${number(ms / 1_000)} s`);

const lines: readonly (readonly [name: string, value: (result: ScaleResult) => string])[] = [
  ["calls/s", ({ callsPerSecond }) => number(callsPerSecond)],
  ["renewals/s at the tenant's ledger", ({ renewalsPerSecond }) => number(renewalsPerSecond)],
  ["most of them in one second", ({ mostRenewalsInASecond }) => number(mostRenewalsInASecond)],
  ["lease that the tenant's pace chose, median", ({ leaseWantedMs }) => seconds(leaseWantedMs)],
  ["lease granted, median", ({ leaseGrantedMs }) => seconds(leaseGrantedMs)],
  ["calls that waited for a hop", ({ hoppedShare }) => percent(hoppedShare)],
  ["calls refused for the budget", ({ refusedShare }) => percent(refusedShare)],
  ["calls given up after ten renewals", ({ gaveUpShare }) => percent(gaveUpShare)],
  ["rows written by the tenant's ledger per call", ({ tenantRowsPerCall }) => number(tenantRowsPerCall)],
  ["admitted in any minute, of the budget, at most", ({ admittedShare }) => percent(admittedShare)],
  ["counted as used by the tenant, of the budget, at most", ({ heldShare }) => percent(heldShare)],
  ["in slices and not spent, of the budget, at most", ({ unspentShare }) => percent(unspentShare)],
  [
    "until what was not spent is the tenant's again, p50",
    ({ returnedAfterMs }) => seconds(returnedAfterMs?.p50),
  ],
  [
    "until what was not spent is the tenant's again, p99",
    ({ returnedAfterMs }) => seconds(returnedAfterMs?.p99),
  ],
];

export const scaleTable = (agents: number, results: readonly ScaleResult[]): string =>
  table(
    [`${agents.toLocaleString("en")} agents, each calling`, ...results.map(({ name }) => name)],
    lines.map(([name, value]) => [name, ...results.map(value)]),
  );
