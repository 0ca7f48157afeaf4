/**
 * What a grant, an alternative of the token and all boundaries come to together, as far as it does not depend on the
 * ask: worked out once for each grant of a snapshot, and not for every request.
 */
import { promisedTools } from "../azure/tool-table.ts";
import type { PolicyId } from "../kernel/ids.ts";
import { commonTools } from "./allowed-tools.ts";
import type { ConstraintSet } from "./constraint-set.ts";
import { type PatternSet, unitedPatterns } from "./denied-patterns.ts";
import type { LimitSet } from "./limit-claims.ts";
import type { Rule } from "./rules.ts";
import { smallest, type TokenLimits } from "./token-bounds.ts";

export interface JointTerms {
  readonly grantId: PolicyId;
  /** The grant and the token's sets: what an ask has to keep to be allowed by them. The boundaries were kept before. */
  readonly own: readonly ConstraintSet[];
  /** The grant and the boundaries. */
  readonly policyIds: readonly PolicyId[];
  /** Those that count something; the tenant's own come on top. */
  readonly limitSets: readonly LimitSet[];
  /** The smallest of each, the tenant's own included. */
  readonly tokenLimits: TokenLimits;
  readonly auditLogging: "standard" | "detailed";
  readonly encryptionRequired: boolean;
  readonly stripPatterns: PatternSet | null;
  /** Whether the grant permits storage at Azure. Only a grant can; whoever else speaks of it can only forbid. */
  readonly permitsStore: boolean;
  readonly forbidsStore: boolean;
  /** Those that all of them list; null = any. */
  readonly allowedTools: readonly string[] | null;
  /** Of these, those that a residency promise covers. */
  readonly promisedTools: readonly string[];
  /** Whoever demands that somebody approves. */
  readonly approvalFrom: readonly (PolicyId | "token")[];
}

export function jointTerms(
  grant: Rule,
  token: readonly ConstraintSet[],
  boundaries: readonly Rule[],
  tenantLimits: LimitSet,
): JointTerms {
  const others: readonly ConstraintSet[] = [...token, ...boundaries];
  const sets: readonly ConstraintSet[] = [grant, ...others];
  const allLimits = [...sets.map(({ limits }) => limits), tenantLimits];
  return {
    grantId: grant.policy.id,
    own: [grant, ...token],
    policyIds: [grant.policy.id, ...boundaries.map(({ policy }) => policy.id)],
    limitSets: sets.map(({ limits }) => limits).filter(({ limits }) => limits.length > 0),
    tokenLimits: {
      perChoice: smallest(sets.map(({ constraints }) => constraints.maxOutputTokens)),
      perRequest: smallest(sets.map(({ constraints }) => constraints.maxTokensPerRequest)),
      perWindow: smallest(allLimits.map(({ leastTokens }) => leastTokens)),
      costNanoUsd: smallest(allLimits.map(({ leastCost }) => leastCost)),
    },
    auditLogging: sets.some(({ constraints }) => constraints.auditLogging === "detailed")
      ? "detailed"
      : "standard",
    encryptionRequired: sets.some(({ constraints }) => constraints.encryptionRequired === true),
    stripPatterns: unitedPatterns(sets.flatMap(strippedBy)),
    permitsStore: grant.constraints.allowStore === true,
    forbidsStore: others.some(({ constraints }) => constraints.allowStore === false),
    allowedTools: toolsOf(sets, null),
    promisedTools: toolsOf(sets, promisedTools),
    approvalFrom: [
      ...[grant, ...boundaries].filter(demandsApproval).map(({ policy }) => policy.id),
      ...(token.some(demandsApproval) ? (["token"] as const) : []),
    ],
  };
}

const demandsApproval = ({ constraints }: ConstraintSet): boolean => constraints.requiresApproval === true;

const strippedBy = ({ constraints, patterns }: ConstraintSet): readonly PatternSet[] =>
  patterns && constraints.deniedPatterns?.action === "strip" ? [patterns] : [];

/** What all lists allow of `given`; null = any. */
function toolsOf<T extends readonly string[] | null>(sets: readonly ConstraintSet[], given: T) {
  let tools: readonly string[] | T = given;
  for (const { constraints } of sets) {
    const listed = constraints.allowedTools;
    if (listed !== undefined) tools = tools === null ? listed : commonTools(tools, listed);
  }
  return tools;
}
