/** What covers each ask, remembered: a tenant asks for the same few deployments again and again. */
import type { Action } from "./action.ts";
import { type ContentDemand, contentDemand } from "./content.ts";
import { coverageIndex } from "./coverage.ts";
import type { Resource } from "./resource.ts";
import type { Rule } from "./rules.ts";

/** In order. */
export interface CoveringRules {
  readonly denies: readonly Rule[];
  readonly grants: readonly Rule[];
  /** What grants and boundaries ask about the content; null = nothing. */
  readonly content: ContentDemand | null;
}

export type Coverings = (action: Action, resource: Resource) => CoveringRules;

/** More deployments than a tenant uses; callers of /v1/enforce may name any resource, so there is an end. */
const MAX_REMEMBERED_RESOURCES = 200;

/** @param boundaries that bind every ask. */
export function coverings(
  denies: readonly Rule[],
  grants: readonly Rule[],
  boundaries: readonly Rule[],
): Coverings {
  const deniesOf = coverageIndex(denies);
  const grantsOf = coverageIndex(grants);
  const known = new Map<Resource, Map<Action, CoveringRules>>();
  return (action, resource) => {
    let ofResource = known.get(resource);
    if (ofResource === undefined) {
      if (known.size >= MAX_REMEMBERED_RESOURCES) known.clear();
      ofResource = new Map();
      known.set(resource, ofResource);
    }
    let covering = ofResource.get(action);
    if (covering === undefined) {
      const covered = grantsOf(action, resource);
      const content = contentDemand([...covered, ...boundaries]);
      covering = { denies: deniesOf(action, resource), grants: covered, content };
      ofResource.set(action, covering);
    }
    return covering;
  };
}
