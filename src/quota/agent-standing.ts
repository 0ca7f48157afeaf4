/**
 * Agent state and revisions, as the agent's ledger holds a request against them. Both are checked in the same
 * synchronous step that charges: that is what makes a change effective once it has answered (G3). Pure.
 */
import type { Revisions } from "../policy/snapshot.ts";
import type { AgentState, LedgerRefusal } from "./contracts.ts";
import { ledgerRefusal } from "./ledger-refusal.ts";

export type AgentStanding = Pick<AgentState, "version" | "status">;

/** Whose ledger this is: its own name is an HMAC and does not tell. */
export type AgentIdentity = Pick<AgentState, "home" | "tenantId" | "agentId">;

/** @param standing null = never written: the agent is not registered, whatever its token says. */
export function standingRefusal(
  standing: AgentStanding | null,
  tokenAgentVersion: number,
): LedgerRefusal | null {
  if (standing === null || standing.status === "deleted") return ledgerRefusal("agent_unknown");
  if (standing.status === "disabled") return ledgerRefusal("agent_disabled");
  if (tokenAgentVersion < standing.version) {
    const evidence = { tokenVersion: tokenAgentVersion, agentVersion: standing.version };
    return ledgerRefusal("token_outdated", { evidence });
  }
  return null;
}

/** The highest version wins, so that writes which overtake each other or are repeated change nothing. */
export const standingAfter = <S extends AgentStanding>(standing: S | null, written: S): S =>
  standing !== null && standing.version >= written.version ? standing : written;

/** A snapshot newer than the lease is accepted: its write has committed, and leases only catch up with it. */
export const isSnapshotStale = (snapshot: Revisions, lease: Revisions): boolean =>
  lease.tenant > snapshot.tenant || lease.platform > snapshot.platform;
