/**
 * An answer that Azure keeps is bound to the agent that had it made, in that agent's ledger. A whole one is bound by its
 * settlement, before the caller has it. A stream tells its id long before it is settled, so that its caller may read or
 * cancel what is under way, and a Worker that dies must not take the only hold on it along.
 */
import { COMPLETION_LIFE_MS, RESPONSE_LIFE_MS } from "../kernel/limits.ts";
import type { MadeObject } from "../quota/stored-object-contracts.ts";
import type { GatewayPorts } from "./gateway-ports.ts";
import type { Question } from "./question.ts";
import type { Course } from "./settle-call.ts";
import { storedObjectKey } from "./stored-object-key.ts";

type Making = Pick<Course, "call" | "chosen">;

/** Never fails: what it does not bind, the settlement does. */
export async function bindAnswer(
  { ledgers }: Pick<GatewayPorts, "ledgers">,
  { capability: { home, tenantId, agentId } }: Pick<Question, "capability">,
  making: Making,
  storedId: string,
): Promise<void> {
  const made = await madeObject(making, storedId);
  if (made !== null) await ledgers.keepObject({ v: 1, caller: { home, tenantId, agentId }, made });
}

export async function madeObject(
  { call: { allowed, operation }, chosen }: Making,
  storedId: string | null,
): Promise<MadeObject | null> {
  if (storedId === null || chosen === null || allowed.deployment === null) return null;
  const { name } = operation;
  return {
    key: await storedObjectKey(name, storedId),
    object: { deployment: allowed.deployment.name, backendId: chosen.backend.id },
    lifeMs: name === "responses" ? RESPONSE_LIFE_MS : COMPLETION_LIFE_MS,
  };
}
