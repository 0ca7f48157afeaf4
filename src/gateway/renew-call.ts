/**
 * One renewal of a call under way: its agent's ledger says whether agent and token may go on. What was revoked for the
 * whole tenant, and which keys were withdrawn, stands in the snapshot, so a lease that knows a newer revision than the
 * call was decided under has it read again.
 */
import { reservationOf } from "../kernel/ids.ts";
import type { Refusal } from "../kernel/refusal.ts";
import { ok, type Result } from "../kernel/result.ts";
import { type Revisions, revisionsOf, type Snapshot } from "../policy/snapshot.ts";
import { isSnapshotStale } from "../quota/agent-standing.ts";
import type { RenewReply } from "../quota/contracts.ts";
import { ledgerRefusal } from "../quota/ledger-refusal.ts";
import { standingRefusal } from "./admit.ts";
import type { GatewayPorts } from "./gateway-ports.ts";
import { type Allowed, callerOf, type Question } from "./question.ts";

/** The reservation that a call holds; null between two, when nothing needs to be renewed. */
export interface Hold {
  allowed: Pick<Allowed, "reserved" | "snapshot"> | null;
}

/** What is said of a reservation that the call has settled meanwhile is of no matter to it. */
export async function renewHeld(
  ports: Pick<GatewayPorts, "ledgers" | "snapshots">,
  question: Question,
  hold: Hold,
): Promise<Result<RenewReply, Refusal>> {
  const held = hold.allowed;
  const reply = held && (await renewCall(ports, question, held));
  return reply !== null && hold.allowed === held ? reply : ok({ outcome: "renewed" });
}

/** A snapshot that cannot be read is like a ledger that cannot be reached: asked again, and given up in time. */
async function renewCall(
  { ledgers, snapshots }: Pick<GatewayPorts, "ledgers" | "snapshots">,
  question: Question,
  { reserved, snapshot }: Pick<Allowed, "reserved" | "snapshot">,
): Promise<Result<RenewReply, Refusal>> {
  const caller = callerOf(question);
  const reply = await ledgers.renew({ v: 1, caller, reservationId: reserved.reservationId });
  return reply.ok && reply.value.outcome === "renewed"
    ? unlessRevoked({ snapshots }, question, snapshot, reply.value.revisions)
    : reply;
}

/** The same of a call that holds no reservation, because it charges nothing: only agent and token are asked about. */
export async function mayGoOn(
  { ledgers, snapshots }: Pick<GatewayPorts, "ledgers" | "snapshots">,
  question: Question,
  snapshot: Snapshot,
): Promise<Result<RenewReply, Refusal>> {
  const caller = callerOf(question);
  const reply = await ledgers.renew({ v: 1, caller, reservationId: reservationOf(question.decisionId) });
  return reply.ok && reply.value.outcome !== "refused"
    ? unlessRevoked({ snapshots }, question, snapshot, reply.value.revisions)
    : reply;
}

async function unlessRevoked(
  { snapshots }: Pick<GatewayPorts, "snapshots">,
  { capability }: Pick<Question, "capability">,
  snapshot: Snapshot,
  revisions: Revisions | undefined,
): Promise<Result<RenewReply, Refusal>> {
  const goesOn: Result<RenewReply> = ok({ outcome: "renewed", revisions });
  if (revisions === undefined || !isSnapshotStale(revisionsOf(snapshot), revisions)) return goesOn;
  const current = await snapshots.load(capability, revisions);
  if (!current.ok) return current;
  const refusal = standingRefusal(capability, current.value);
  return refusal ? ok({ outcome: "refused", refusal: ledgerRefusal(refusal.code) }) : goesOn;
}
