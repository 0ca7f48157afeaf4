/** `/v1/agents`: register, look up, change and delete agents. */
import type { Agent } from "../capability/agent.ts";
import {
  canBeHeld,
  canonicalKey,
  type HolderKey,
  type HolderKeyInput,
  thumbprintOf,
} from "../capability/holder-key.ts";
import { AgentId, DEFAULT_TENANT } from "../kernel/ids.ts";
import { refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { timestampOf } from "../kernel/timestamp.ts";
import { agentDescriptions } from "./agent-descriptions.ts";
import { createAgent, deleteAgent, patchAgent } from "./agent-writer.ts";
import type { StoredAgent } from "./agents.store.ts";
import type { ControlPlaneDeps } from "./control-plane-deps.ts";
import { type Caller, type Operation, operation } from "./operation.ts";
import { canSee, notFound, tenantOf } from "./tenant-access.ts";
import { addressOf } from "./tenant-address.ts";
import { objectAnswer } from "./written-answer.ts";

export const agentOperations = (deps: ControlPlaneDeps): readonly Operation[] => [
  operation(agentDescriptions.create, async ({ body: { tenantId: requested, ...input }, ...caller }) => {
    const tenant = tenantOf(caller.apiKey, requested, DEFAULT_TENANT, "tenantId");
    if (!tenant.ok) return tenant;
    const address = await addressOf(deps.tenants, tenant.value, "tenantId");
    if (!address.ok) return address;
    const publicKey = await registeredKey(deps, input.publicKey);
    if (!publicKey.ok) return publicKey;
    const at = timestampOf(deps.clock());
    const agent: Agent = {
      id: deps.ids.agent(),
      tenantId: tenant.value,
      ...input,
      publicKey: publicKey.value,
      status: "active",
      version: 1,
      createdAt: at,
      updatedAt: at,
    };
    const created = await createAgent(deps, caller, agent, address.value.home);
    return objectAnswer(201, created);
  }),
  operation(agentDescriptions.list, async ({ query: { tenant: requested, ...page }, apiKey }) => {
    const tenant = tenantOf(apiKey, requested, DEFAULT_TENANT, "tenant");
    if (!tenant.ok) return tenant;
    const address = await addressOf(deps.tenants, tenant.value, "tenant");
    if (!address.ok) return address;
    const agents = await deps.agents.list({ tenantId: tenant.value, home: address.value.home }, page);
    return agents.ok ? ok({ status: 200, body: agents.value }) : agents;
  }),
  operation(agentDescriptions.get, async ({ param, apiKey }) => {
    const found = await findAgent(deps, param("id"), apiKey);
    return objectAnswer(200, found.ok ? ok(found.value.agent) : found);
  }),
  operation(agentDescriptions.change, async ({ param, body, ifMatch, ...caller }) => {
    const id = AgentId.safeParse(param("id"));
    if (!id.success) return fail(notFound("agent"));
    const publicKey =
      body.publicKey === undefined ? ok(undefined) : await registeredKey(deps, body.publicKey);
    if (!publicKey.ok) return publicKey;
    const patch = { ...body, publicKey: publicKey.value };
    const changed = await patchAgent(deps, { caller, id: id.data, ifMatch }, patch);
    return objectAnswer(200, changed);
  }),
  operation(agentDescriptions.delete, async ({ param, ifMatch, ...caller }) => {
    const id = AgentId.safeParse(param("id"));
    if (!id.success) return fail(notFound("agent"));
    const deleted = await deleteAgent(deps, { caller, id: id.data, ifMatch });
    return deleted.ok ? ok({ status: 204 }) : deleted;
  }),
];

/**
 * The key as it is kept. One that verifies nothing, or anything, would lock its agent out or open it to everybody; one of
 * the gateway's own signs one kind of thing alone.
 */
async function registeredKey(
  own: Pick<ControlPlaneDeps, "keyRing" | "receiptKeys">,
  given: HolderKeyInput | null,
): Promise<Result<HolderKey | null>> {
  if (given === null) return ok(null);
  const key = canonicalKey(given);
  if (!(await canBeHeld(key)))
    return fail(unfit(`\`publicKey\` is no point of ${key.crv} that can be a public key.`));
  const keyId = await thumbprintOf(key);
  const isOwn = own.keyRing.keys.has(keyId) || own.receiptKeys.published.some(({ kid }) => kid === keyId);
  return isOwn
    ? fail(unfit("`publicKey` is a key of this gateway's own; an agent needs one of its own."))
    : ok(key);
}

const unfit = (message: string) => refuse("meaningless", { field: "publicKey", message });

/** An agent that exists and that this key may know of. @param field where the caller named it, if in a body. */
export async function findAgent(
  { agents }: Pick<ControlPlaneDeps, "agents">,
  text: string,
  apiKey: Caller["apiKey"],
  field?: string,
): Promise<Result<StoredAgent>> {
  const id = AgentId.safeParse(text);
  if (!id.success) return fail(notFound("agent", field));
  const found = await agents.find(id.data);
  if (!found.ok) return found;
  const stored = found.value;
  const isVisible = stored !== null && stored.status !== "deleted" && canSee(apiKey, stored.agent.tenantId);
  return isVisible ? ok(stored) : fail(notFound("agent", field));
}
