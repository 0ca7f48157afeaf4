/** `npm run bench -- --quick`: every figure is measured and nothing fails on the way. How large the figures are is no test's business. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import * as z from "zod";
import { simulateScale } from "../../dev/bench/scale.ts";

const root = resolve(import.meta.dirname, "../..");
const Report = z.object({
  rows: z.array(z.object({ id: z.string(), median: z.unknown(), min: z.unknown(), max: z.unknown() })),
  breakdown: z.array(z.object({ name: z.string(), cpuMicroseconds: z.unknown() })),
  uses: z.array(z.object({ name: z.string(), use: z.record(z.string(), z.unknown()) })),
  scaleAgents: z.number(),
  scale: z.array(z.record(z.string(), z.unknown())),
});

let folder: string;
let output: string;
let report: z.infer<typeof Report>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "portcullis-bench-test-"));
  const args = [join(root, "dev/bootstrap.mjs"), "node", join(root, "dev/bench/main.ts"), "--quick"];
  const env = { ...process.env, PORTCULLIS_STATE_DIR: folder };
  output = (await promisify(execFile)(process.execPath, args, { env })).stdout;
  report = Report.parse(JSON.parse(await readFile(join(folder, ".local/bench.json"), "utf8")));
}, 240_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

it("measures every figure as a finite number", () => {
  const figures = [
    ...report.rows.flatMap(({ id, median, min, max }) => [median, min, max].map((value) => [id, value])),
    ...report.breakdown.map(({ name, cpuMicroseconds }) => [name, cpuMicroseconds]),
    ...report.uses.flatMap(({ use }) => Object.entries(use)),
  ];
  expect(report.rows.length).toBeGreaterThan(40);
  expect(report.breakdown.length).toBe(9);
  expect(figures.filter(([, value]) => !Number.isFinite(value))).toEqual([]);
});

it.each([
  "requests_gateway",
  "requests_pass_through",
  "requests_mock",
  "streams_gateway",
  "streams_relay_ratio",
  "streams_native_ratio",
  "streams_metered_ratio",
  "long_ratio",
  "long_metered_ratio",
  "slow_open",
  "ledger_calls",
  "ledger_ahead",
  "ledger_through",
  "fleet_sliced",
  "decide",
  "decide_1000_untraced",
  "decide_shadow",
  "decide_growth",
  "snapshot_kv",
  "snapshot_d1",
  "write_idle",
  "write_busy",
  "admit",
  "verify",
  "verify_seen",
  "receipt",
  "bundle_raw",
])("%s is more than nothing", (id) => {
  expect(report.rows.find((row) => row.id === id)?.median).toBeGreaterThan(0);
});

it.each(["failed", "different", "slow_lost", "counted_failed"])("no answer %s", (id) => {
  expect(report.rows.find((row) => row.id === id)?.max).toBe(0);
});

it("counts what a call uses of ledgers, queue and database", () => {
  expect(report.uses.length).toBe(3);
  const [, quiet] = report.uses;
  for (const item of ["ledgerRequests", "ledgerRowsWritten", "queueOperations", "d1RowsWritten"]) {
    expect(quiet?.use[item], item).toBeGreaterThan(0);
  }
});

it("simulates the same tenant in the same way", () => {
  expect(simulateScale(report.scaleAgents)).toEqual(report.scale);
});

it("shows every figure as a table", () => {
  expect(output).toContain("requests/s, gateway ÷ pass-through");
  expect(output).toContain("CPU per request:");
  expect(output).toContain("ledger rows written");
  expect(output).toContain("renewals/s at the tenant's ledger");
});
