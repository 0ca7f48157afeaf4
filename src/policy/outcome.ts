/**
 * What a verdict means to whoever asked: the policies' own answer, before any ledger counts. The one place that tests,
 * diffs and lint read it from.
 */
import * as z from "zod";
import type { Verdict } from "./decision.ts";

export const Outcome = z.enum(["allowed", "denied", "pending_approval"]);
export type Outcome = z.infer<typeof Outcome>;

export function outcomeOf(verdict: Verdict): Outcome {
  if (verdict.kind === "candidates") return "allowed";
  return verdict.refusal.code === "pending_approval" ? "pending_approval" : "denied";
}
