/** What a holder may make of its token: whether it can be exchanged at all, and for which details. */
import { refuse } from "../kernel/refusal.ts";
import { fail, type Result } from "../kernel/result.ts";
import { depthOf } from "./child-claims.ts";
import type { AuthorizationDetail, Capability } from "./claims.ts";
import { narrowedDetails, type PlacedDetail } from "./narrowed-details.ts";
import { canBeFollowed } from "./signed-by.ts";

export interface WantedChild {
  /** Null = what the parent has. */
  readonly details: readonly AuthorizationDetail[] | null;
  /** How often the child may be exchanged in turn. */
  readonly furtherDepth: number;
}

export function narrowToken(
  parent: Capability,
  { details, furtherDepth }: WantedChild,
): Result<readonly PlacedDetail[] | null> {
  const left = parent.delegation.maxDepth - depthOf(parent);
  if (left <= 0) {
    const message =
      parent.delegation.maxDepth === 0
        ? "The capability token does not allow to be exchanged; ask for one with `delegation`."
        : "The capability token is as deep in its family as that may become.";
    return fail(refuse("delegation_not_allowed", { message }));
  }
  if (furtherDepth >= left) {
    const message = `\`max_depth\` is at most ${left - 1} here.`;
    return fail(refuse("delegation_not_allowed", { field: "max_depth", message }));
  }
  if (!canBeFollowed(parent)) {
    const message =
      "Too many signing keys stand behind the capability token; exchange one that is issued anew.";
    return fail(refuse("delegation_not_allowed", { message }));
  }
  return narrowedDetails(details, parent);
}
