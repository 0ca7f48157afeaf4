/**
 * Writes to agents: commit in D1, then the agent's own ledger, then answer (DESIGN section 7). An answer means that
 * the ledger acknowledged: no later request is decided under the old state. What a ledger has not acknowledged is
 * put again by the same write repeated, and by the scheduled sweep.
 */
import type { Agent } from "../capability/agent.ts";
import { asked } from "../kernel/asked.ts";
import type { Clock } from "../kernel/clock.ts";
import type { AgentId } from "../kernel/ids.ts";
import { refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { timestampAfter } from "../kernel/timestamp.ts";
import type { Home } from "../residency/home.ts";
import type { AgentChange, StoredAgent } from "./agents.store.ts";
import { changeRecord } from "./change-record.ts";
import { checkIfMatch, type IfMatch } from "./if-match.ts";
import type { Caller } from "./operation.ts";
import type { Background, DeliverOutbox } from "./outbox-delivery.ts";
import { type AgentStateDeps, putAgentState } from "./put-agent-state.ts";
import { canSee, notFound } from "./tenant-access.ts";

export interface AgentWriterDeps extends AgentStateDeps {
  readonly deliverOutbox: DeliverOutbox;
  readonly background: Background;
  readonly clock: Clock;
}

/** A lost race is tried once more; losing twice means the agent is being changed by someone else right now. */
const MAX_ATTEMPTS = 2;

export async function createAgent(
  deps: AgentWriterDeps,
  caller: Caller,
  agent: Agent,
  home: Home,
): Promise<Result<Agent>> {
  const facts = { caller, scope: agent.tenantId, home, operation: "agent.create", objectId: agent.id };
  const record = changeRecord({ ...facts, revision: null, nowMs: deps.clock() });
  const inserted = await deps.agents.insert(home, agent, record);
  if (!inserted.ok) return inserted;
  deliver(deps, agent, home);
  return acknowledged(deps, { agent, home, status: agent.status, acknowledgedVersion: 0 });
}

/** Who changes which agent, and in which version only. */
export interface AgentWrite {
  readonly caller: Caller;
  readonly id: AgentId;
  readonly ifMatch: IfMatch;
}

export const patchAgent = (
  deps: AgentWriterDeps,
  write: AgentWrite,
  patch: AgentChange["patch"],
): Promise<Result<Agent>> => changeAgent(deps, write, patch, "agent.update");

export const deleteAgent = (deps: AgentWriterDeps, write: AgentWrite): Promise<Result<Agent>> =>
  changeAgent(deps, write, { status: "deleted" }, "agent.delete");

async function changeAgent(
  deps: AgentWriterDeps,
  { caller, id, ifMatch }: AgentWrite,
  patch: AgentChange["patch"],
  operation: string,
): Promise<Result<Agent>> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const found = await deps.agents.find(id);
    if (!found.ok) return found;
    const from = found.value;
    if (from === null || !canSee(caller.apiKey, from.agent.tenantId)) return fail(notFound("agent"));
    // Deleting again is how a caller repeats a deletion that the ledger did not acknowledge; it has no version to name.
    const isPending = from.acknowledgedVersion < from.agent.version && ifMatch === null;
    if (from.status === "deleted" && !(patch.status === "deleted" && isPending))
      return fail(notFound("agent"));
    const unmet = await checkIfMatch(ifMatch, from.agent);
    if (unmet !== null) return fail(unmet);
    const next = nextOf(from, patch, deps.clock());
    if (next === null) return acknowledged(deps, from);
    const facts = { caller, scope: from.agent.tenantId, home: from.home, operation, objectId: id };
    const record = changeRecord({ ...facts, revision: null, nowMs: deps.clock() });
    const { version, updatedAt } = next.agent;
    const committed = await deps.agents.change({
      from,
      patch,
      version,
      updatedAt,
      record,
      exactly: ifMatch !== null,
      companions: endsDelegations(from, next) ? [deps.delegations.revocation(from.home, id)] : [],
    });
    if (!committed.ok) return committed;
    if (committed.value === "outdated") continue;
    deliver(deps, next.agent, next.home);
    return acknowledged(deps, next);
  }
  return fail(refuse("write_in_progress"));
}

/** What a sub-agent acts with is bound to the key that it has: with another one, or none, it is given anew. */
const endsDelegations = (from: StoredAgent, next: StoredAgent): boolean =>
  next.status !== "active" || JSON.stringify(next.agent.publicKey) !== JSON.stringify(from.agent.publicKey);

function deliver({ deliverOutbox, background }: AgentWriterDeps, agent: Agent, home: Home): void {
  background(asked(() => deliverOutbox(agent.tenantId, home)));
}

/** Null when the patch changes nothing. */
function nextOf(from: StoredAgent, patch: AgentChange["patch"], nowMs: number): StoredAgent | null {
  const { agent, status } = from;
  const { status: newStatus = status, ...fields } = patch;
  const changes = (key: "name" | "description" | "classification" | "roles" | "publicKey") =>
    fields[key] !== undefined && JSON.stringify(fields[key]) !== JSON.stringify(agent[key]);
  const changesState =
    newStatus !== status || changes("roles") || changes("classification") || changes("publicKey");
  if (!changesState && !changes("name") && !changes("description")) return null;
  return {
    ...from,
    status: newStatus,
    agent: {
      ...agent,
      name: fields.name ?? agent.name,
      description: fields.description ?? agent.description,
      roles: fields.roles ?? agent.roles,
      classification: fields.classification ?? agent.classification,
      publicKey: fields.publicKey === undefined ? agent.publicKey : fields.publicKey,
      status: newStatus === "active" ? "active" : "disabled",
      version: changesState ? agent.version + 1 : agent.version,
      updatedAt: timestampAfter(agent.updatedAt, nowMs),
    },
  };
}

async function acknowledged(deps: AgentWriterDeps, stored: StoredAgent): Promise<Result<Agent>> {
  if (stored.acknowledgedVersion >= stored.agent.version) return ok(stored.agent);
  if (await putAgentState(deps, stored)) return ok(stored.agent);
  const message = `The change to ${stored.agent.id} is committed, but its ledger could not be reached; it will be repeated until it takes effect.`;
  return fail(refuse("ledger_unavailable", { message }));
}
