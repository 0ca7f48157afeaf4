/**
 * A token in exchange for the one it replaces, before that ends: with the agent's state of now and nothing more than it had.
 * In this order, so that nothing is lost half-way: what can refuse is asked, the new token is signed, the chain and its
 * record commit, the agent's ledger switches from the old one to the new one, and that is answered. Until the ledger has
 * switched the old one is good; after it, asking again with it within a minute gets the same new one.
 */
import type { Agent } from "../capability/agent.ts";
import type { Capability } from "../capability/claims.ts";
import type { Issuing } from "../capability/current-signer.ts";
import { type IssuedToken, issueToken } from "../capability/issue-token.ts";
import { successorOf } from "../capability/successor-token.ts";
import { SECOND_MS } from "../kernel/clock.ts";
import type { AgentId, DecisionId, RequestId, TokenId } from "../kernel/ids.ts";
import { MAX_RELOADS } from "../kernel/limits.ts";
import { refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { storeAnswer } from "../kernel/store-answer.ts";
import { type Timestamp, timestampOf } from "../kernel/timestamp.ts";
import { type Revisions, revisionsOf, type Snapshot } from "../policy/snapshot.ts";
import { isSnapshotStale } from "../quota/agent-standing.ts";
import type { AgentAddress, LedgerReadings } from "../quota/ledgers.ts";
import type { RefreshReply, SuccessorToken } from "../quota/token-contracts.ts";
import type { Place } from "../residency/place.ts";
import { admit } from "./admit.ts";
import type { Authenticated } from "./authenticate.ts";
import type { GatewayPorts } from "./gateway-ports.ts";
import { callerOf, proofOf } from "./question.ts";
import { refusalOfLedger } from "./refused-as.ts";

export interface RefreshPorts extends GatewayPorts {
  readonly issuing: Issuing;
  /** As it is now; null = it is deleted, or never was. */
  readonly findAgent: (agentId: AgentId) => Promise<Result<Agent | null>>;
  readonly readings: Pick<LedgerReadings, "state">;
  /** The chain's new link with its record, in one commit. Repeating is harmless. */
  readonly noteRefresh: (refresh: RefreshNote) => Promise<Result<null>>;
}

export interface RefreshNote extends AgentAddress {
  readonly tokenId: TokenId;
  readonly successorId: TokenId;
  readonly rootTokenId: TokenId;
  /** Of the chain. */
  readonly endsAt: Timestamp;
  readonly requestId: RequestId;
  readonly nowMs: number;
}

interface Asker extends Authenticated {
  readonly place: Place;
  readonly decisionId: DecisionId;
}

/** Its own, not an agent's decision: a refusal changes nothing and has no record, as those of the control plane have none. */
export async function refreshToken(
  ports: RefreshPorts,
  authenticated: Authenticated,
  place: Place,
  requestId: RequestId,
): Promise<Result<IssuedToken>> {
  const { capability } = authenticated;
  const nowMs = ports.clock();
  const proposed = await successorOf(capability, nowMs);
  if (!proposed.ok) return proposed;
  const agent = await currentAgent(ports, capability);
  if (!agent.ok) return agent;
  const issueAs = (successor: SuccessorToken) => issueSuccessor(ports, capability, agent.value, successor);
  // What cannot be signed must not have cost the old one.
  const issued = await issueAs(proposed.value);
  if (!issued.ok) return issued;

  const asker = { ...authenticated, place, decisionId: ports.ids.decision() };
  const note = () => ports.noteRefresh(noteOf(capability, proposed.value, requestId, nowMs));
  const switched = await underCurrent(ports, asker, proposed.value, note);
  if (!switched.ok) return switched;
  const isProposed = JSON.stringify(switched.value) === JSON.stringify(proposed.value);
  return isProposed ? issued : issueAs(switched.value);
}

/** An older version's token is as dead here as everywhere: otherwise what changing an agent stopped would come back. */
async function currentAgent(
  { findAgent, startTimer }: Pick<RefreshPorts, "findAgent" | "startTimer">,
  { agentId, agentVersion, tenantId }: Capability,
): Promise<Result<Agent>> {
  const found = await storeAnswer(startTimer, () => findAgent(agentId));
  if (!found.ok) return found;
  const agent = found.value;
  if (agent === null || agent.tenantId !== tenantId) return fail(refuse("agent_unknown"));
  if (agent.status === "disabled") return fail(refuse("agent_disabled"));
  return agent.version === agentVersion ? ok(agent) : fail(refuse("token_outdated"));
}

async function issueSuccessor(
  { issuing: { currentSigner, issuer, audience }, clock }: Pick<RefreshPorts, "issuing" | "clock">,
  { home, authorization, mintedBy, endUser, refreshUntilSeconds, delegation, ...root }: Capability,
  agent: Agent,
  { tokenId, issuedAtSeconds, expiresAtSeconds }: SuccessorToken,
): Promise<Result<IssuedToken>> {
  const signer = await currentSigner(clock());
  if (!signer.ok) return signer;
  return issueToken({
    signer: signer.value,
    issuer,
    audience,
    agent,
    home,
    expiresInSeconds: expiresAtSeconds - issuedAtSeconds,
    authorization,
    tokenId,
    mintedBy,
    endUser,
    refreshUntilSeconds,
    root,
    maxDelegationDepth: delegation.maxDepth,
    nowMs: issuedAtSeconds * SECOND_MS,
  });
}

const noteOf = (
  { home, tenantId, agentId, tokenId, rootTokenId, refreshUntilSeconds }: Capability,
  successor: SuccessorToken,
  requestId: RequestId,
  nowMs: number,
): RefreshNote => ({
  home,
  tenantId,
  agentId,
  tokenId,
  successorId: successor.tokenId,
  rootTokenId,
  endsAt: timestampOf((refreshUntilSeconds ?? 0) * SECOND_MS),
  requestId,
  nowMs,
});

/** Noted once, then switched, under the revisions that the agent's ledger knows. */
async function underCurrent(
  ports: RefreshPorts,
  asker: Asker,
  proposed: SuccessorToken,
  note: () => Promise<Result<null>>,
): Promise<Result<SuccessorToken>> {
  const { capability, place } = asker;
  const { classification } = capability;
  let atLeast: Revisions | undefined;
  let isNoted = false;
  for (let pass = 0; pass <= MAX_RELOADS; pass += 1) {
    const loaded = await ports.snapshots.load(capability, atLeast);
    if (!loaded.ok) return loaded;
    const snapshot = loaded.value;
    const admitted = admit({ capability, place, classification, deploymentInPath: null }, snapshot);
    if (!admitted.ok) {
      const current = await ports.readings.state(capability, { after: "", limit: 1 });
      if (!current.ok) return current;
      const { revisions } = current.value;
      if (!isSnapshotStale(revisionsOf(snapshot), revisions)) return admitted;
      atLeast = revisions;
      continue;
    }
    const noted = isNoted ? ok(null) : await note();
    if (!noted.ok) return noted;
    isNoted = true;
    const reply = await switchTokens(ports, asker, snapshot, proposed);
    if (!reply.ok) return reply;
    if (reply.value.outcome === "refreshed") return ok(reply.value.successor);
    atLeast = reply.value.revisions;
  }
  return fail(refuse("revision_unsettled"));
}

type Switched = Exclude<RefreshReply, { outcome: "refused" }>;

async function switchTokens(
  { ledgers }: Pick<RefreshPorts, "ledgers">,
  asker: Asker,
  snapshot: Snapshot,
  successor: SuccessorToken,
): Promise<Result<Switched>> {
  const { expiresAtSeconds } = asker.capability;
  const reply = await ledgers.refresh({
    v: 1,
    caller: callerOf(asker),
    snapshot: revisionsOf(snapshot),
    proof: proofOf(asker),
    expiresAtSeconds,
    successor,
  });
  if (!reply.ok) return reply;
  return reply.value.outcome === "refused" ? fail(refusalOfLedger(reply.value.refusal)) : ok(reply.value);
}
