/** The quick start's end: what the audit log says about its agent. Records arrive over a queue, so they are awaited. */
import { setTimeout as wait } from "node:timers/promises";
import * as z from "zod";
import { AuditRecord } from "../../src/audit/audit-record.ts";
import type { ControlPlane } from "./control-plane.ts";
import { PlainFailure } from "./plain-failure.ts";

const ARRIVAL_MS = 15_000;
const POLL_MS = 200;
const Page = z.object({ items: z.array(AuditRecord) });

/** One enforce, two calls with their completions, one refusal. */
const expected = ["allowed", "allowed", "allowed", "complete", "complete", "tokens_per_request_exceeded"];

/** One line per record, oldest first. */
export async function recordsOf(
  controlPlane: ControlPlane,
  tenantId: string,
  agentId: string,
): Promise<readonly string[]> {
  const until = performance.now() + ARRIVAL_MS;
  let outcomes: readonly string[] = [];
  while (performance.now() < until) {
    const { items } = await controlPlane.get(`/v1/audit?tenant=${tenantId}&agent=${agentId}`, Page);
    outcomes = items.map(outcomeOf).sort();
    if (outcomes.length >= expected.length) {
      if (outcomes.join() !== expected.join()) break;
      return items.toReversed().map(lineOf);
    }
    await wait(POLL_MS);
  }
  throw new PlainFailure(
    `The audit log was expected to hold ${expected.join(", ")}; it holds ${outcomes.join(", ")}.`,
  );
}

function outcomeOf(record: AuditRecord): string {
  if (record.kind === "decision") return record.reasons[0]?.code ?? record.decision;
  return record.kind === "completion" ? record.end : record.kind;
}

function lineOf(record: AuditRecord): string {
  const charged = record.kind === "completion" ? `, ${record.chargedTokens ?? "?"} tokens charged` : "";
  const surface = record.kind === "decision" ? ` (${record.surface})` : "";
  return `${record.at}  ${record.kind.padEnd(10)}  ${outcomeOf(record)}${surface}${charged}`;
}
