/**
 * What a verdict means to whoever asked: the policies' own answer, before any ledger counts. The one place that tests,
 * diffs, lint and shadow mode read it from.
 */
import * as z from "zod";
import type { Candidate, Verdict } from "./decision.ts";

export const Outcome = z.enum(["allowed", "denied", "pending_approval"]);
export type Outcome = z.infer<typeof Outcome>;

/** Pending only where no other candidate allows. */
export const outcomeOf = (verdict: Verdict): Outcome =>
  verdict.kind === "refused"
    ? "denied"
    : verdict.candidates.every(needsApproval)
      ? "pending_approval"
      : "allowed";

export const needsApproval = ({ approvalFrom }: Pick<Candidate, "approvalFrom">): boolean =>
  approvalFrom.length > 0;
