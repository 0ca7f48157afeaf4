/** A Worker with one call: snapshot, reserve (reload when stale), Azure, settle; it may die at every wait. */
import { DecisionId, ReservationId, TokenId } from "../../../../src/kernel/ids.ts";
import type { ReserveRequest, Settle } from "../../../../src/quota/contracts.ts";
import type { AgentObject } from "./agent-object.ts";
import type { Chance } from "./chance.ts";
import type { Content, Database } from "./database.ts";
import type { Network } from "./network.ts";
import type { Node } from "./node.ts";
import type { Scheduler } from "./scheduler.ts";

export interface CallerDeps {
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly chance: Chance;
  readonly deaths: () => number;
  readonly ledger: Node<AgentObject>;
  readonly tenant: Database;
  readonly platform: Database;
  readonly agent: Pick<ReserveRequest["caller"], "home" | "tenantId" | "agentId">;
  /** What the decision about this token was made of. */
  readonly decides: (tokenId: string, tenant: Content, platform: Content) => void;
}

const LEDGER_CALL_MAX_MS = 10_000;
const MAX_RELOADS = 2;

let minted = 0;
const hex = () => {
  minted += 1;
  return minted.toString(16).padStart(32, "0");
};

export const mintReservationId = (): ReservationId => ReservationId.parse(`reservation_${hex()}`);

/** For worlds that tell the same story each time. */
export const resetIds = (): void => {
  minted = 0;
};

export async function call(
  deps: CallerDeps,
  candidates: ReserveRequest["candidates"],
  relayMaxMs: number,
  isPlain = false,
): Promise<"allowed" | "refused" | "failed"> {
  const { scheduler, network, chance, ledger } = deps;
  const isEnforce = !isPlain && chance.happens(0.05);
  const sender = { isAlive: () => true, send: (message: () => void) => message() };
  const dies = () => chance.happens(deps.deaths());
  let content = {
    tenant: deps.tenant.hint(chance.between(0, 9)),
    platform: deps.platform.hint(chance.between(0, 9)),
  };
  try {
    for (let reloads = 0; reloads <= MAX_RELOADS; reloads += 1) {
      const request = requestOf(deps, content, candidates, isEnforce, chance);
      deps.decides(request.caller.tokenId, content.tenant, content.platform);
      if (!isPlain && chance.happens(0.05)) {
        const { v, caller, snapshot } = request;
        const confirm = { v, caller, snapshot };
        await network.call(sender, ledger, (object) => object.confirm(confirm), LEDGER_CALL_MAX_MS);
        return "refused";
      }
      const reply = await network.call(
        sender,
        ledger,
        (object) => object.reserve(request),
        LEDGER_CALL_MAX_MS,
      );
      if (reply.outcome === "refused") return "refused";
      if (reply.outcome === "stale") {
        const { tenant, platform } = reply.revisions;
        content = { tenant: deps.tenant.readAt(tenant), platform: deps.platform.readAt(platform) };
        continue;
      }
      if (reply.replayed || dies()) return "allowed";
      // Some relays hang beyond what their reservation lasts.
      await scheduler.wait(chance.between(10, chance.happens(0.02) ? 6 * relayMaxMs : 4_000));
      if (dies()) return "allowed";
      const { reservationId } = reply;
      if (chance.happens(0.1)) {
        const renewal = { v: 1 as const, caller: request.caller, reservationId };
        await network
          .call(sender, ledger, (object) => object.renew(renewal), LEDGER_CALL_MAX_MS)
          .catch(() => null);
        await scheduler.wait(chance.between(10, 4_000));
      }
      const outcome = outcomeOf(candidates, reply.candidate, chance);
      const { purpose } = request;
      const settle: Settle = { v: 1, caller: deps.agent, reservationId, purpose, outcome, completion: null };
      await network.call(sender, ledger, (object) => object.settle(settle), LEDGER_CALL_MAX_MS);
      return "allowed";
    }
    return "failed";
  } catch {
    return "failed";
  }
}

function requestOf(
  { agent }: CallerDeps,
  { tenant, platform }: { readonly tenant: Content; readonly platform: Content },
  candidates: ReserveRequest["candidates"],
  isEnforce: boolean,
  chance: Chance,
): ReserveRequest {
  const id = hex();
  return {
    v: 1,
    caller: { ...agent, agentVersion: 1, tokenId: TokenId.parse(`token_${id}`), issuedAtSeconds: 0 },
    reservationId: ReservationId.parse(`reservation_${id}`),
    decisionId: DecisionId.parse(`decision_${id}`),
    snapshot: { tenant: tenant.revision, platform: platform.revision },
    purpose: isEnforce ? "enforce" : "relay",
    candidates: [...candidates],
    idempotency: isEnforce ? { requestId: `request-${chance.between(1, 5)}`, askHash: "same" } : null,
    subject: { requestId: id, action: "chat", resource: "model", endUser: null },
  };
}

/** Below what was reserved, above (debt), not at all, unknown; or known of the cost alone. */
function outcomeOf(
  candidates: ReserveRequest["candidates"],
  index: number,
  chance: Chance,
): Settle["outcome"] {
  const reserved = candidates[index]?.reservedTokens ?? 0;
  const kind = chance.between(1, 20);
  if (kind <= 3) return { kind: "released" };
  if (kind === 4) return { kind: "as_reserved" };
  if (kind === 5) return { kind: "as_reserved", costNanoUsd: Math.ceil(1.5 * reserved) };
  const totalTokens = kind <= 6 ? reserved + chance.between(1, 100) : chance.between(0, reserved);
  const usage = { promptTokens: totalTokens, cachedPromptTokens: 0, completionTokens: 0, totalTokens };
  return { kind: "used", usage, costNanoUsd: chance.happens(0.9) ? totalTokens * 2 : null };
}
