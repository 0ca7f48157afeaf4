/** One check of the doctor: a row of a table. It judges facts and asks nothing. */

import type { Finding } from "../../kernel/doctor-report.ts";
import { DOCTOR_MAX_EXAMPLES } from "../../kernel/limits.ts";
import type { DoctorFacts } from "./facts.ts";

export type Found = Omit<Finding, "check">;

export interface Check {
  /** Stable: operators' scripts look for it. */
  readonly id: string;
  /** As docs/operations.md tells it. */
  readonly looksAt: string;
  /** Said where nothing was found. */
  readonly well: string;
  /** What it judges only as well as it could be read. */
  readonly needs: readonly ("tenants" | "deployments")[];
  readonly find: (facts: DoctorFacts) => readonly Found[];
}

/** The first few names, and how many more there are. */
export function named(names: readonly string[]): string {
  const more = names.length - DOCTOR_MAX_EXAMPLES;
  const shown = names.slice(0, DOCTOR_MAX_EXAMPLES).join(", ");
  return more > 0 ? `${shown} and ${more} more` : shown;
}

export const counted = (count: number, one: string, many = `${one}s`): string =>
  `${count} ${count === 1 ? one : many}`;
