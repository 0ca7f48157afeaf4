/**
 * Which of Azure's features a request may use: tools, and having Azure keep its answer. Under a residency obligation
 * neither goes further than the promise covers, whatever a policy lists.
 */
import { promisedTools } from "../azure/tool-table.ts";
import { type Refusal, refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import type { ResidencyObligation } from "../residency/demanded-backends.ts";
import { allowsTool, commonTools } from "./allowed-tools.ts";
import type { ConstraintSet } from "./constraint-set.ts";
import type { Ask, Obligations } from "./decision.ts";
import { indeterminate } from "./indeterminate.ts";

/** Null when these constraints allow every tool of the ask. */
export function toolRefusal({ constraints }: ConstraintSet, { tools }: Pick<Ask, "tools">): Refusal | null {
  const allowed = constraints.allowedTools;
  if (allowed === undefined) return null;
  if (tools === null) return indeterminate("allowedTools", "tools");
  return firstOutside(tools, allowed, { constraint: "allowedTools", limit: allowed });
}

export function featuresOf(
  grant: ConstraintSet,
  others: readonly ConstraintSet[],
  ask: Pick<Ask, "tools" | "stores">,
  residency: ResidencyObligation | null,
): Result<Pick<Obligations, "allowedTools" | "allowStore">> {
  const leaving =
    residency &&
    firstOutside(ask.tools ?? [], promisedTools, { constraint: "residency", limit: promisedTools });
  if (leaving) return fail(leaving);
  const permits = grant.constraints.allowStore === true;
  // Whoever forbids it as well must not make an ask allowed that is refused without them.
  if (permits && residency && ask.stores === true)
    return fail(refuse("store_not_allowed", { field: "store", evidence: { constraint: "residency" } }));
  // Only the grant can permit it; whoever else speaks of it can only forbid.
  const forbidden = others.some(({ constraints }) => constraints.allowStore === false);

  let allowedTools: readonly string[] | null = residency ? promisedTools : null;
  for (const { constraints } of [grant, ...others]) {
    const listed = constraints.allowedTools;
    if (listed !== undefined)
      allowedTools = allowedTools === null ? listed : commonTools(allowedTools, listed);
  }
  return ok({
    allowedTools: allowedTools && [...allowedTools],
    allowStore: permits && !forbidden && residency === null,
  });
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
