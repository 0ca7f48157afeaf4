/**
 * Which of Azure's features a request may use: tools, and having Azure keep its answer. Under a residency obligation
 * neither goes further than the promise covers, whatever a policy lists.
 */
import { promisedTools } from "../azure/tool-table.ts";
import { type Refusal, refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import type { ResidencyObligation } from "../residency/demanded-backends.ts";
import { allowsTool } from "./allowed-tools.ts";
import type { ConstraintSet } from "./constraint-set.ts";
import type { Ask, Obligations } from "./decision.ts";
import { indeterminate } from "./indeterminate.ts";
import type { JointTerms } from "./joint-terms.ts";

/** Null when these constraints allow every tool of the ask. */
export function toolRefusal({ constraints }: ConstraintSet, { tools }: Pick<Ask, "tools">): Refusal | null {
  const allowed = constraints.allowedTools;
  if (allowed === undefined) return null;
  if (tools === null) return indeterminate("allowedTools", "tools");
  return firstOutside(tools, allowed, { constraint: "allowedTools", limit: allowed });
}

export function featuresOf(
  terms: Pick<JointTerms, "permitsStore" | "forbidsStore" | "allowedTools" | "promisedTools">,
  ask: Pick<Ask, "tools" | "stores">,
  residency: ResidencyObligation | null,
): Result<Pick<Obligations, "allowedTools" | "allowStore">> {
  if (residency === null) {
    const allowedTools = terms.allowedTools && [...terms.allowedTools];
    return ok({ allowedTools, allowStore: terms.permitsStore && !terms.forbidsStore });
  }
  const leaving = firstOutside(ask.tools ?? [], promisedTools, {
    constraint: "residency",
    limit: promisedTools,
  });
  if (leaving) return fail(leaving);
  // Whoever forbids it as well must not make an ask allowed that is refused without them.
  if (terms.permitsStore && ask.stores === true)
    return fail(refuse("store_not_allowed", { field: "store", evidence: { constraint: "residency" } }));
  return ok({ allowedTools: [...terms.promisedTools], allowStore: false });
}

function firstOutside(
  tools: readonly string[],
  allowed: readonly string[],
  evidence: { readonly constraint: string; readonly limit: readonly string[] },
): Refusal | null {
  const tool = tools.find((name) => !allowsTool(allowed, name));
  if (tool === undefined) return null;
  const message = `This request may not offer the tool \`${tool}\`.`;
  return refuse("tool_not_allowed", { message, field: "tools", evidence: { ...evidence, actual: tool } });
}
