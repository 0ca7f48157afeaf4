/** The explanation of a decision that is made again from its record, and what had to be assumed for it. */
import type { Ask } from "../policy/decision.ts";
import { explain } from "../policy/explain/explain.ts";
import type { Explanation } from "../policy/explain/explanation.ts";
import { deploymentOfResource } from "../policy/resource.ts";
import { askingCases } from "../policy/unsure.ts";
import type { DecisionRecord } from "./audit-record.ts";
import { recollectedAsk, recollectedCaller, unsureOf } from "./recollected.ts";
import { nothing, sourcesFor, type World } from "./redecide.ts";

interface ExplainedAgain {
  readonly again: Explanation | null;
  readonly notes: string[];
}

const untold = (why: string): ExplainedAgain => ({ again: null, notes: [why] });

export function explainedAgain(record: DecisionRecord, world: World): ExplainedAgain {
  const caller = recollectedCaller(record);
  if (typeof caller === "string") return untold(`The record does not hold what it takes (${caller}).`);
  const sources = sourcesFor(record, caller, world);
  const read = recollectedAsk(record, sources);
  if (typeof read === "string") return untold(`The record does not hold what it takes (${read}).`);
  const ask = read ?? leastAsk(record);
  if (ask === null)
    return untold("It was decided before the body was read, which alone would have named the resource.");
  const plain = { ...caller, ask, snapshot: world.snapshot };
  const { best, unsure } = askingCases({ ...caller, ask }, world.casesOf, unsureOf(record, sources));
  const isAllowed = record.decision === "allowed";
  return {
    // What was allowed must have held; of what was refused, the unsure is shown as such.
    again: explain(isAllowed ? best : plain),
    notes: [
      ...(read === null
        ? ["It was decided before the body was read: of it, the least that could be asked is assumed."]
        : []),
      ...(unsure.size === 0 ? [] : [`Records do not tell whether these held: ${[...unsure].join(", ")}.`]),
    ],
  };
}

function leastAsk({ action, resource, classification }: DecisionRecord): Ask | null {
  if (action === null || resource === null || classification === null) return null;
  const deployment = deploymentOfResource(resource) ?? resource;
  return { ...nothing(classification), action, resource, deployment };
}
