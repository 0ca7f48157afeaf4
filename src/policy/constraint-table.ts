/**
 * How each constraint is enforced, as data. A key that is not live yet is storable and refuses with
 * `constraint_not_available`: it is never ignored (guarantee G9). Adding a key to the schema without a row here
 * does not compile.
 */
import type { ConstraintKey, Constraints } from "./constraints.ts";

/**
 * - `selector`: a fact of the request decides whether the policy applies.
 * - `tokens`: bounds one request's tokens.
 * - `content`: says what a request may hold.
 * - `quota`: counted by a ledger, or says what is counted by.
 * - `backends`: narrows which backends are left.
 * - `features`: which of Azure's features a request may use.
 * - `obligation`: what the gateway must do if it allows.
 * - `approval`: `true` lets a request through only once it is approved; the ledger spends the approval.
 * - `unavailable`: its machinery is not built yet.
 */
export type Enforcement =
  | "selector"
  | "tokens"
  | "content"
  | "quota"
  | "backends"
  | "features"
  | "obligation"
  | "approval"
  | "unavailable";

export const constraintTable = {
  allowedTenants: "selector",
  allowedRoles: "selector",
  allowedAgents: "selector",
  maxTokensPerRequest: "tokens",
  maxOutputTokens: "tokens",
  maxPromptCharacters: "content",
  parameters: "content",
  deniedPatterns: "content",
  maxRequestsPerMinute: "quota",
  maxRequestsPerDay: "quota",
  maxTokensPerMinute: "quota",
  maxTokensPerDay: "quota",
  maxCostPerDay: "quota",
  maxCostPerMonth: "quota",
  maxConcurrentRequests: "quota",
  quotaScope: "quota",
  dataClassification: "selector",
  noPersonalData: "unavailable",
  noSecrets: "unavailable",
  encryptionRequired: "selector",
  auditLogging: "obligation",
  requiresApproval: "approval",
  allowedCountries: "selector",
  deniedCountries: "selector",
  allowedIpRanges: "selector",
  validFrom: "selector",
  validUntil: "selector",
  dataResidency: "backends",
  processing: "backends",
  allowedTools: "features",
  allowStore: "features",
} as const satisfies Record<ConstraintKey, Enforcement>;

/** The first key of these constraints that cannot be enforced yet. */
export function unavailableKey(constraints: Constraints): ConstraintKey | undefined {
  return presentKeys(constraints).find((key) => constraintTable[key] === "unavailable");
}

export function presentKeys(constraints: Constraints): readonly ConstraintKey[] {
  // Object.keys loses the key type; the schema is strict, so nothing else can be in there.
  return (Object.keys(constraints) as ConstraintKey[]).filter((key) => constraints[key] !== undefined);
}
