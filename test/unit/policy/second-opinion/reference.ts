// The decision written down once more, as plainly as possible: docs/policies.md and DESIGN section 6 as nested loops. No
// index and no preparation, and nothing of src/policy but its types, so that a mistake there is not repeated here.
import type { RefusalCode } from "../../../../src/kernel/refusal.ts";
import type { Constraints } from "../../../../src/policy/constraints.ts";
import type { Policy } from "../../../../src/policy/policy.ts";
import type { DecideInput } from "../decide-fixture.ts";
import { type Amounts, amountsOf, claimsOf } from "./reference-amounts.ts";
import {
  allowsTool,
  type Codes,
  covers,
  isUnavailable,
  unmetContent,
  unmetSelectors,
  unmetTools,
} from "./reference-constraints.ts";
import { residencyOf } from "./reference-residency.ts";

/** Why an ask is refused. Where several reasons are true, a decision may name any of them. */
export interface Reason {
  readonly code: RefusalCode;
  readonly policyIds: readonly string[];
}

export interface ReferenceCandidate extends Amounts {
  readonly grantId: string;
  readonly policyIds: readonly string[];
  /** `owner/scope/meter/window[/subject] amount of limit`. */
  readonly claims: readonly string[];
  /** Whoever demands an approval: owners, as claims name them. */
  readonly approvalFrom: readonly string[];
  readonly auditLogging: "standard" | "detailed";
  readonly encryptionRequired: boolean;
  readonly residency: Exclude<ReturnType<typeof residencyOf>, string>;
  /** A tool may be offered that every list allows; no list = any. */
  readonly toolLists: readonly (readonly string[])[];
  readonly allowStore: boolean;
  readonly strips: readonly NonNullable<Constraints["deniedPatterns"]>[];
}

export type Answer =
  | { readonly kind: "refused"; readonly reasons: readonly Reason[] }
  | { readonly kind: "candidates"; readonly candidates: readonly ReferenceCandidate[] };

const refused = (reasons: readonly Reason[]): Answer => ({ kind: "refused", reasons });

export function referenceDecision(input: DecideInput): Answer {
  const { capability, snapshot } = input;
  const policies = [...snapshot.platform.policies, ...snapshot.tenant.policies]
    .filter(({ mode }) => mode === "enforce")
    .sort(byPriorityThenAgeThenId);
  const denies = policies.filter(({ effect }) => effect === "deny");
  const boundaries = policies.filter(({ effect, kind }) => effect === "allow" && kind === "boundary");
  const grants = policies.filter(({ effect, kind }) => effect === "allow" && kind === "grant");

  // 1. The token covers the ask. One without details covers all that the policies grant.
  const tokens =
    capability.authorization === null
      ? [null]
      : capability.authorization.filter((detail) => covers(detail.actions, detail.locations, input));
  if (tokens.length === 0) return refused([{ code: "outside_token", policyIds: [] }]);

  // 2. No deny matches it.
  const denied = denies.flatMap((deny) => denialBy(deny, input));
  if (denied.length > 0) return refused(denied);

  // 3. It is inside every boundary, and they leave a backend.
  const outside = boundaries.flatMap((boundary) => outsideOf(boundary, input));
  if (outside.length > 0) return refused(outside);
  const demanding = boundaries.filter(
    ({ constraints }) => constraints.dataResidency !== undefined || constraints.processing !== undefined,
  );
  const placed = residencyOf(constraintsOf(demanding), input);
  if (typeof placed === "string")
    return refused([{ code: placed, policyIds: demanding.map(({ id }) => id) }]);

  // 4. At least one grant allows it.
  const candidates: ReferenceCandidate[] = [];
  const reasons: Reason[] = [];
  for (const grant of grants) {
    if (!covers(grant.actions, grant.resources, input)) continue;
    for (const token of tokens) {
      const held = holding(grant, token?.constraints ?? null, boundaries, input);
      if ("grantId" in held) candidates.push(held);
      else for (const code of held) reasons.push({ code, policyIds: [grant.id] });
    }
  }
  if (candidates.length > 0) return { kind: "candidates", candidates };
  return refused(reasons.length > 0 ? reasons : [{ code: "no_matching_grant", policyIds: [] }]);
}

function byPriorityThenAgeThenId(left: Policy, right: Policy): number {
  if (left.priority !== right.priority) return left.priority - right.priority;
  if (left.createdAt !== right.createdAt) return left.createdAt < right.createdAt ? -1 : 1;
  return left.id < right.id ? -1 : 1;
}

const undecided: Codes = ["indeterminate", "constraint_not_available"];

/** A deny applies unless a selector certainly does not hold. */
function denialBy({ id, actions, resources, constraints }: Policy, input: DecideInput): readonly Reason[] {
  if (!covers(actions, resources, input)) return [];
  if (isUnavailable(constraints)) return [{ code: "constraint_not_available", policyIds: [id] }];
  const unmet = unmetSelectors(constraints, input);
  if (unmet.some((code) => code !== "indeterminate")) return [];
  return [{ code: unmet.length === 0 ? "denied_by_policy" : "indeterminate", policyIds: [id] }];
}

function outsideOf({ id, actions, resources, constraints }: Policy, input: DecideInput): readonly Reason[] {
  const unmet = [...unmetBy(constraints, input)];
  if (!covers(actions, resources, input)) unmet.push("outside_boundary");
  return unmet.map((code) => ({
    code: undecided.includes(code) ? code : "outside_boundary",
    policyIds: [id],
  }));
}

const unmetBy = (constraints: Constraints, input: DecideInput): Codes => [
  ...(isUnavailable(constraints) ? (["constraint_not_available"] as const) : []),
  ...unmetSelectors(constraints, input),
  ...unmetTools(constraints, input),
  ...unmetContent(constraints, input),
];

const constraintsOf = (policies: readonly Policy[]): readonly Constraints[] =>
  policies.map(({ constraints }) => constraints);

/** One grant under one alternative of the token and all boundaries: a candidate, or why it drops out. */
function holding(
  grant: Policy,
  token: Constraints | null,
  boundaries: readonly Policy[],
  input: DecideInput,
): ReferenceCandidate | Codes {
  const { ask, capability, snapshot } = input;
  const tenantLimits = snapshot.tenant.tenant.limits;
  const own = token === null ? [grant.constraints] : [grant.constraints, token];
  const sets = [...own, ...constraintsOf(boundaries)];

  const unmet = own.flatMap((constraints) => unmetBy(constraints, input));
  if (unmet.length > 0) return unmet;

  const residency = residencyOf(sets, input);
  if (typeof residency === "string") return [residency];
  const toolLists = sets.flatMap(({ allowedTools }) => (allowedTools ? [allowedTools] : []));
  if (residency !== null) {
    const promised = ["function", "custom"];
    if (ask.tools?.some((tool) => !allowsTool(promised, tool))) return ["tool_not_allowed"];
    if (ask.stores === true && grant.constraints.allowStore === true) return ["store_not_allowed"];
    toolLists.push(promised);
  }

  const amounts = amountsOf(sets, [...sets, tenantLimits], ask);
  if (!("reservedTokens" in amounts)) return amounts;
  const charging = [
    ...[grant, ...boundaries].map(({ id, constraints }) => ({ owner: `policy:${id}`, constraints })),
    ...(token === null ? [] : [{ owner: `token:${capability.rootTokenId}`, constraints: token }]),
  ].map((one) => ({ ...one, scope: scopeOf(one) }));
  const tenant = {
    owner: `tenant:${capability.tenantId}`,
    scope: "tenant" as const,
    constraints: tenantLimits,
  };
  const claims = claimsOf([...charging, tenant], input, amounts);
  if (claims.refused.length > 0) return claims.refused;

  return {
    grantId: grant.id,
    policyIds: [grant.id, ...boundaries.map(({ id }) => id)],
    claims: claims.lines,
    approvalFrom: charging.filter((one) => one.constraints.requiresApproval).map(({ owner }) => owner),
    ...amounts,
    auditLogging: sets.some(({ auditLogging }) => auditLogging === "detailed") ? "detailed" : "standard",
    encryptionRequired: sets.some(({ encryptionRequired }) => encryptionRequired === true),
    residency,
    toolLists,
    // Only the grant can permit it; everybody can forbid it.
    allowStore:
      grant.constraints.allowStore === true &&
      !sets.some(({ allowStore }) => allowStore === false) &&
      residency === null,
    strips: sets.flatMap(({ deniedPatterns }) =>
      deniedPatterns?.action === "strip" ? [deniedPatterns] : [],
    ),
  };
}

/** A token is of one agent: its tenant has no say in what it counts. */
function scopeOf({ owner, constraints }: { readonly owner: string; readonly constraints: Constraints }) {
  const { quotaScope = "agent" } = constraints;
  return quotaScope === "tenant" && owner.startsWith("token:") ? "agent" : quotaScope;
}
