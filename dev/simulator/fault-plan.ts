/**
 * From faults to what they do: answers that come instead of the model's, adjustments of what the model
 * says and reports, and the way the answer goes out. Later faults of one request override earlier ones.
 */
import { promptBlocked, rateLimited } from "./azure-error.ts";
import type { Delivery } from "./delivery.ts";
import type { Fault } from "./fault.ts";
import type { Adjustments } from "./generation.ts";
import { type Reply, textReply } from "./reply.ts";

export interface FaultPlan {
  readonly instead: Reply | undefined;
  readonly adjustments: Adjustments;
  readonly headers: Readonly<Record<string, string>>;
  readonly delivery: Delivery;
}

export type RateLimitCall = Parameters<typeof rateLimited>[1];

export const noFaults: FaultPlan = {
  instead: undefined,
  adjustments: {
    text: undefined,
    toolCall: undefined,
    isOutputFiltered: false,
    usageRule: { kind: "counted" },
  },
  headers: {},
  delivery: { beforeHeadersMs: 0, betweenPartsMs: 0, stop: undefined, garbageAt: undefined },
};

export function planFaults(faults: readonly Fault[], call: RateLimitCall): FaultPlan {
  return faults.reduce((plan, fault) => applyFault(plan, fault, call), noFaults);
}

function applyFault(plan: FaultPlan, fault: Fault, call: RateLimitCall): FaultPlan {
  const instead = (reply: Reply): FaultPlan => ({ ...plan, instead: reply });
  const adjust = (change: Partial<Adjustments>): FaultPlan => ({
    ...plan,
    adjustments: { ...plan.adjustments, ...change },
  });
  const deliver = (change: Partial<Delivery>): FaultPlan => ({
    ...plan,
    delivery: { ...plan.delivery, ...change },
  });
  switch (fault.kind) {
    case "rate-limited":
      return instead(rateLimited(fault, call));
    case "prompt-blocked":
      return instead(promptBlocked(fault, call.operation));
    case "status":
      return instead(textReply(fault.status, statusBody(fault), "refusal", fault.headers));
    case "garbage":
      return fault.afterChunks === undefined
        ? instead(textReply(200, "<html><body>upstream connect error</body></html>", "model"))
        : deliver({ garbageAt: fault.afterChunks });
    case "output-filtered":
      return adjust({ isOutputFiltered: true });
    case "reply":
      return adjust({ text: fault.text });
    case "tool-call":
      return adjust({ toolCall: { name: fault.name, arguments: fault.arguments } });
    case "headers":
      return { ...plan, headers: { ...plan.headers, ...fault.headers } };
    case "no-usage":
      return adjust({ usageRule: { kind: "none" } });
    case "debt":
      return adjust({ usageRule: { kind: "debt", extraTokens: fault.extraTokens } });
    case "usage": {
      const { kind: _, ...usage } = fault;
      return adjust({ usageRule: { ...usage, kind: "fixed" } });
    }
    case "slow":
      return deliver({ beforeHeadersMs: fault.beforeHeadersMs, betweenPartsMs: fault.betweenChunksMs });
    case "hang":
      return deliver({ stop: { how: "hang", afterParts: fault.afterChunks ?? "nothing" } });
    case "cut":
      return deliver({ stop: { how: "cut", afterParts: fault.afterChunks } });
    case "silent-end":
      return deliver({ stop: { how: "end", afterParts: fault.afterChunks } });
  }
}

function statusBody(fault: Extract<Fault, { kind: "status" }>): string {
  if (typeof fault.body === "string") return fault.body;
  return JSON.stringify(
    fault.body ?? { error: { code: String(fault.status), message: "The simulator was told to fail." } },
  );
}
