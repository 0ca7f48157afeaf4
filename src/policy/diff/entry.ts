/**
 * One policy as it takes part in deciding one action on one resource under one set: its own constraints, and what the
 * set's boundaries and the tenant make of them. A policy that means the same in both sets is one entry.
 */
import type { TokenPrice } from "../../azure/cost.ts";
import type { Deployment } from "../../azure/deployment.ts";
import type { AskedUnits } from "../../azure/unit.ts";
import { type ResidencyObligation, residencyObligation } from "../../residency/demanded-backends.ts";
import type { Classification } from "../classification.ts";
import { type ConstraintSet, constraintSet } from "../constraint-set.ts";
import type { Constraints } from "../constraints.ts";
import { limitKeys, limitSet } from "../limit-claims.ts";
import { residencyOf } from "../placement.ts";
import type { Policy } from "../policy.ts";
import type { Tenant } from "../tenant.ts";
import { smallest, type TokenLimits } from "../token-bounds.ts";

export type Role = "grant" | "deny" | "boundary";

/** What a grant's candidates are bound by, boundaries and tenant included. */
export interface Joint {
  readonly limits: TokenLimits;
  readonly countsUsers: boolean;
  readonly countsAddresses: boolean;
  readonly obligation: ResidencyObligation | null;
  readonly needsApproval: boolean;
  isPlaced(classification: Classification): boolean;
}

export interface Entry {
  readonly role: Role;
  readonly policy: Policy;
  /** Never holds or always, whatever is asked; null = it depends. */
  readonly fate: "never" | "always" | null;
  /** Of grants. */
  readonly joint: Joint | null;
}

/** What entries of one set and one resource share. */
export interface EntryContext {
  readonly tenant: Tenant;
  readonly boundaries: readonly Policy[];
  /** What the resource names, registered or not. */
  readonly deploymentName: string;
  readonly deployment: Deployment | undefined;
  readonly price: TokenPrice | null;
  /** What the smallest request is billed by instead of tokens; null = by tokens. */
  readonly units: AskedUnits | null;
}

/** What the tokens of a request on it are bounded by, beside its policies. */
export interface TokenContext extends Pick<EntryContext, "price" | "units" | "deploymentName"> {
  /** Nothing cuts its answers. */
  readonly outputIsFixed: boolean;
}

export const roleOf = ({ effect, kind }: Policy): Role =>
  effect === "deny" ? "deny" : kind === "boundary" ? "boundary" : "grant";

/** @param covers whether its actions and resources hold what is asked; only a boundary is asked where they do not. */
export function entryOf(policy: Policy, covers: boolean, context: EntryContext): Entry {
  const role = roleOf(policy);
  const own = constraintSet("diff", policy.constraints);
  if (role === "deny")
    return { role, policy, fate: own.unavailable === undefined ? null : "always", joint: null };
  if (own.unavailable !== undefined || !covers) return { role, policy, fate: "never", joint: null };
  if (role === "boundary") return { role, policy, fate: null, joint: null };
  const joint = jointOf(own, context);
  return { role, policy, fate: joint === null ? "never" : null, joint };
}

/** Null where no backend could ever be left. */
function jointOf(own: ConstraintSet, context: EntryContext): Joint | null {
  const { tenant, deployment, deploymentName, boundaries } = context;
  const bounding = boundaries.map(({ constraints }) => constraintSet("diff", constraints));
  const sets = [own, ...bounding];
  const limitSets = [...sets.map(({ limits }) => limits), limitSet("diff", "tenant", tenant.limits)];
  const counts = (scope: string) => limitSets.some((set) => set.scope === scope && set.limits.length > 0);
  const obligation = residencyObligation(
    tenant.residency,
    sets.flatMap(({ demand }) => demand ?? []),
  );
  if (!obligation.ok) return null;
  return {
    limits: {
      perChoice: smallest(sets.map(({ constraints }) => constraints.maxOutputTokens)),
      perRequest: smallest(sets.map(({ constraints }) => constraints.maxTokensPerRequest)),
      perWindow: smallest(limitSets.map(({ leastTokens }) => leastTokens)),
      costNanoUsd: smallest(limitSets.map(({ leastCost }) => leastCost)),
    },
    countsUsers: counts("user"),
    countsAddresses: counts("address"),
    obligation: obligation.value,
    needsApproval: sets.some(({ constraints }) => constraints.requiresApproval === true),
    isPlaced(classification) {
      const asked = { deployment: deploymentName, classification };
      const rules = { deployment: () => deployment };
      const placement = { asked, rules, promise: tenant.residency, boundaryDemands: [], residency: null };
      return residencyOf(sets, placement).ok;
    },
  };
}

/** Of a boundary, what joins the grants it bounds. */
const joining: readonly (keyof Constraints)[] = [
  ...limitKeys,
  "quotaScope",
  "maxTokensPerRequest",
  "maxOutputTokens",
  "dataResidency",
  "processing",
  "requiresApproval",
];

/** What boundaries add to every grant, as text: the same text, the same grants. One that adds nothing is not in it. */
export const jointKeyOf = (boundaries: readonly Policy[]): string =>
  JSON.stringify(
    boundaries
      .map(({ constraints }) =>
        joining.filter((key) => constraints[key] !== undefined).map((key) => [key, constraints[key]]),
      )
      .filter((added) => added.length > 0)
      .map(canonical)
      .sort(),
  );

/** What a policy says about whom it covers, as text: its name, and the order in which things are listed, apart. */
export const meaningOf = (policy: Policy): string => `${roleOf(policy)} ${canonical(policy.constraints)}`;

const canonical = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(canonical).sort().join()}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "";
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return `{${members
    .map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`)
    .sort()
    .join()}}`;
};
