// Cedar itself, as the wasm build that its makers publish: a world is parsed once and asked many times.
import { preparsePolicySet, statefulIsAuthorized } from "@cedar-policy/cedar-wasm/nodejs";
import { type CedarPolicies, cedarContext } from "./cedar-translation.ts";
import type { Situation } from "./situations.ts";

export interface CedarAnswer {
  readonly allowed: boolean;
  /** Of the permits that allow, or of the forbids that deny. */
  readonly policyIds: readonly string[];
}

const WORLD = "world";

/** The facts that some policy names: to hand over the others takes longer than all the rest. */
const factsIn = (policies: CedarPolicies): ReadonlySet<string> =>
  new Set(
    [
      ...Object.values(policies)
        .join("\n")
        .matchAll(/context(?:\.| has )(\w+)/g),
    ].map(([, name = ""]) => name),
  );

export function cedarFor(policies: CedarPolicies): (situation: Situation) => CedarAnswer {
  const parsed = preparsePolicySet(WORLD, { staticPolicies: { ...policies } });
  if (parsed.type === "failure") throw new Error(JSON.stringify({ errors: parsed.errors, policies }));
  const facts = factsIn(policies);
  return (situation) => {
    const context = Object.entries(cedarContext(situation)).filter(([name]) => facts.has(name));
    const answer = statefulIsAuthorized({
      principal: { type: "Agent", id: situation.capability.agentId },
      action: { type: "Action", id: situation.ask.action },
      // Patterns are compared as text, which Cedar does in attributes and not in ids.
      resource: { type: "Resource", id: "asked" },
      context: Object.fromEntries(context),
      preparsedPolicySetId: WORLD,
      entities: [],
    });
    if (answer.type === "failure") throw new Error(JSON.stringify(answer.errors));
    const { decision, diagnostics } = answer.response;
    // Cedar skips a policy that it cannot evaluate: a translation must leave it none.
    if (diagnostics.errors.length > 0) throw new Error(JSON.stringify(diagnostics.errors));
    return { allowed: decision === "allow", policyIds: diagnostics.reason };
  };
}
