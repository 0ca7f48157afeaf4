/** The figures as a table for people and for docs/benchmarks.md. */
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { availableParallelism, cpus, release } from "node:os";
import { join } from "node:path";
import * as z from "zod";
import { projectRoot } from "../local/state-folder.ts";
import type { Component } from "./breakdown.ts";
import { costTable } from "./cost-table.ts";
import type { UseOfCase } from "./counting.ts";
import { type Bound, isMet, type Row } from "./figures.ts";
import { number, table } from "./markdown-table.ts";
import type { ScaleResult } from "./scale.ts";
import { scaleTable } from "./scale-table.ts";

export interface Report {
  readonly at: string;
  readonly machine: string;
  readonly workerd: string;
  readonly rounds: number;
  readonly rows: readonly Row[];
  readonly breakdown: readonly Component[];
  readonly uses: readonly UseOfCase[];
  readonly scaleAgents: number;
  readonly scale: readonly ScaleResult[];
}

const Package = z.looseObject({ version: z.string() });
const versionOf = (name: string): string =>
  Package.parse(JSON.parse(readFileSync(join(projectRoot, "node_modules", name, "package.json"), "utf8")))
    .version;

export const machine = (): string =>
  `${availableParallelism()} cores, ${cpus()[0]?.model.trim() ?? "unknown processor"}, Linux ${release()}, Node ${process.version}`;
export const workerdVersion = (): string => versionOf("workerd");

const boundText = ({ atLeast, atMost = 0 }: Bound): string =>
  atLeast === undefined ? `≤ ${number(atMost)}` : `≥ ${number(atLeast)}`;

function cellsOf(row: Row): readonly string[] {
  const { name, unit, median, min, max, targets } = row;
  const extremes = min === max ? "" : `${number(min)}–${number(max)}`;
  const verdicts = targets.map((target) => `${boundText(target)}: ${isMet(row, target) ? "met" : "missed"}`);
  return [name, `${number(median)}${unit === "" ? "" : ` ${unit}`}`, extremes, verdicts.join(", ")];
}

const stamp = ({ at, machine, workerd }: Report): string =>
  `${at.slice(0, 10)}, ${machine}, workerd ${workerd}`;

function resultTables(report: Report): string {
  const results = table(["measure", "median", "min–max", "target"], report.rows.map(cellsOf));
  const components = report.breakdown.map(({ name, cpuMicroseconds }) => [
    name,
    `${number(cpuMicroseconds)} µs`,
  ]);
  return `${stamp(report)}, ${report.rounds} rounds.

${results}

Where the gateway's CPU time goes at 16 connections, per request, emulated stores included:

${table(["part", "CPU"], components)}`;
}

/** What docs/benchmarks.md keeps between markers of these names. */
const blocks: Readonly<Record<string, (report: Report) => string>> = {
  results: resultTables,
  cost: (report) => `Counted on ${stamp(report)}.\n\n${costTable(report.uses)}`,
  scale: ({ scaleAgents, scale }) => scaleTable(scaleAgents, scale),
};

/** The same tables without Markdown's noise. */
export const plainTable = (report: Report): string => {
  const widths = [86, 14, 20, 0];
  const line = (cells: readonly string[]) =>
    cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" ");
  const components = report.breakdown.map(({ name, cpuMicroseconds }) =>
    line([`  ${name}`, `${number(cpuMicroseconds)} µs`]),
  );
  return [
    ...report.rows.map((row) => line(cellsOf(row))),
    "",
    "CPU per request:",
    ...components,
    "",
    "Cost:",
    costTable(report.uses),
    "",
    `${report.scaleAgents} agents, simulated:`,
    scaleTable(report.scaleAgents, report.scale),
  ].join("\n");
};

export async function writeDocs(report: Report): Promise<void> {
  const path = join(projectRoot, "docs/benchmarks.md");
  let text = readFileSync(path, "utf8");
  for (const [name, tables] of Object.entries(blocks)) text = withBlock(text, name, tables(report));
  await writeFile(path, text);
}

function withBlock(text: string, name: string, content: string): string {
  const start = `<!-- ${name}: written by npm run bench -- --write-docs -->`;
  const end = `<!-- end of ${name} -->`;
  const from = text.indexOf(start);
  const to = text.indexOf(end);
  if (from < 0 || to < from)
    throw new Error(`docs/benchmarks.md has lost the markers around its block "${name}".`);
  return `${text.slice(0, from + start.length)}\n${content}\n${text.slice(to)}`;
}
