/** The figures as a table for people and for docs/benchmarks.md. */
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { availableParallelism, cpus, release } from "node:os";
import { join } from "node:path";
import * as z from "zod";
import { projectRoot } from "../local/state-folder.ts";
import type { Component } from "./breakdown.ts";
import { type Bound, isMet, type Row } from "./figures.ts";

export interface Report {
  readonly at: string;
  readonly machine: string;
  readonly workerd: string;
  readonly rounds: number;
  readonly rows: readonly Row[];
  readonly breakdown: readonly Component[];
}

const START = "<!-- results: written by npm run bench -- --write-docs -->";
const END = "<!-- end of results -->";

const Package = z.looseObject({ version: z.string() });
const versionOf = (name: string): string =>
  Package.parse(JSON.parse(readFileSync(join(projectRoot, "node_modules", name, "package.json"), "utf8")))
    .version;

export const machine = (): string =>
  `${availableParallelism()} cores, ${cpus()[0]?.model.trim() ?? "unknown processor"}, Linux ${release()}, Node ${process.version}`;
export const workerdVersion = (): string => versionOf("workerd");

function number(value: number): string {
  const size = Math.abs(value);
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  return Number.isInteger(value) ? value.toFixed(0) : value.toFixed(digits);
}

function boundText(target: Bound | null): string {
  if (target === null) return "";
  return target.atLeast === undefined ? `≤ ${number(target.atMost ?? 0)}` : `≥ ${number(target.atLeast)}`;
}

function cellsOf(row: Row): readonly string[] {
  const { name, unit, median, min, max, target } = row;
  const extremes = min === max ? "" : `${number(min)}–${number(max)}`;
  const verdict = target === null ? "" : `${boundText(target)}: ${isMet(row) ? "met" : "missed"}`;
  return [name, `${number(median)}${unit === "" ? "" : ` ${unit}`}`, extremes, verdict];
}

function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const rule = head.map((_, column) => (column === 0 ? "---" : "---:"));
  return [head, rule, ...lines].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

export function tablesOf({ rows, breakdown, at, machine, workerd, rounds }: Report): string {
  const results = table(["measure", "median", "min–max", "target"], rows.map(cellsOf));
  const components = breakdown.map(({ name, cpuMicroseconds }) => [name, `${number(cpuMicroseconds)} µs`]);
  return `${at.slice(0, 10)}, ${machine}, workerd ${workerd}, ${rounds} rounds.

${results}

Where the gateway's CPU time goes at 16 connections, per request, emulated stores included:

${table(["part", "CPU"], components)}`;
}

/** The same tables without Markdown's noise. */
export const plainTable = (report: Report): string => {
  const widths = [74, 14, 20, 0];
  const line = (cells: readonly string[]) =>
    cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" ");
  const components = report.breakdown.map(({ name, cpuMicroseconds }) =>
    line([`  ${name}`, `${number(cpuMicroseconds)} µs`]),
  );
  return [...report.rows.map((row) => line(cellsOf(row))), "", "CPU per request:", ...components].join("\n");
};

export async function writeDocs(report: Report): Promise<void> {
  const path = join(projectRoot, "docs/benchmarks.md");
  const text = readFileSync(path, "utf8");
  const start = text.indexOf(START);
  const end = text.indexOf(END);
  if (start < 0 || end < start)
    throw new Error("docs/benchmarks.md has lost the markers around its results.");
  await writeFile(path, `${text.slice(0, start + START.length)}\n${tablesOf(report)}\n${text.slice(end)}`);
}
