/**
 * Refusals that read a snapshot must be as current as allowances: the agent's ledger confirms them under a live
 * lease, and gives their record its number. Calls that charge nothing are confirmed the same way.
 */
import { MAX_RELOADS } from "../kernel/limits.ts";
import { type Refusal, refuse } from "../kernel/refusal.ts";
import { newerRevisions, type Revisions, revisionsOf, type Snapshot } from "../policy/snapshot.ts";
import type { ConfirmReply } from "../quota/contracts.ts";
import type { GatewayPorts } from "./gateway-ports.ts";
import { areAncestorsHeld, callerOf, type Question, type Refused, type Stale } from "./question.ts";
import { type Reasoning, refusedAs, refusedByLedger } from "./refused-as.ts";

type ConfirmPorts = Pick<GatewayPorts, "ledgers" | "workerNumber">;
/** Whoever asks, whatever for. */
type Asker = Pick<Question, "capability" | "asked">;
type Confirmed = { readonly kind: "confirmed" } & Omit<
  Extract<ConfirmReply, { outcome: "confirmed" }>,
  "outcome"
>;

export async function confirm(
  ports: ConfirmPorts,
  question: Asker,
  snapshot: Snapshot,
  reasoning: Reasoning = {},
): Promise<Confirmed | Refused | Stale> {
  const reply = await ports.ledgers.confirm({
    v: 1,
    caller: callerOf(question),
    snapshot: revisionsOf(snapshot),
    ...(question.asked?.object ? { object: question.asked.object } : {}),
  });
  if (!reply.ok) return unconfirmed(ports, reply.error, reasoning);
  const { value } = reply;
  const revisions = newerRevisions(value.revisions, revisionsOf(snapshot));
  switch (value.outcome) {
    case "stale":
      return { kind: "stale", revisions: value.revisions };
    case "refused":
      return refusedByLedger(value.refusal, { ...value, revisions }, reasoning);
    case "confirmed":
      if (!areAncestorsHeld(question, value))
        return unconfirmed(ports, refuse("ledger_unavailable"), reasoning);
      return { kind: "confirmed", number: value.number, revisions, object: value.object };
  }
}

export async function confirmedRefusal(
  ports: ConfirmPorts,
  question: Asker,
  snapshot: Snapshot,
  refusal: Refusal,
  reasoning: Reasoning = {},
): Promise<Refused | Stale> {
  const reply = await confirm(ports, question, snapshot, reasoning);
  return reply.kind === "confirmed" ? refusedAs(refusal, reply, reasoning) : reply;
}

/** A refusal that no ledger could confirm: a store or ledger is ill, and the gateway fails closed. */
export const unconfirmed = (
  { workerNumber }: Pick<GatewayPorts, "workerNumber">,
  refusal: Refusal,
  reasoning: Reasoning = {},
): Refused => refusedAs(refusal, { number: workerNumber(), revisions: null }, { ...reasoning, shadow: null });

/** Judges again under at least the revisions a ledger named, twice at most. */
export async function underCurrentRevisions<J extends { readonly kind: string }>(
  ports: Pick<GatewayPorts, "workerNumber">,
  judgeUnder: (atLeast: Revisions | undefined) => Promise<J | Refused | Stale>,
): Promise<J | Refused> {
  let atLeast: Revisions | undefined;
  for (let pass = 0; pass <= MAX_RELOADS; pass += 1) {
    const judgement = await judgeUnder(atLeast);
    if (!isStale(judgement)) return judgement;
    atLeast = judgement.revisions;
  }
  return unconfirmed(ports, refuse("revision_unsettled"));
}

const isStale = (judgement: { readonly kind: string }): judgement is Stale => judgement.kind === "stale";
