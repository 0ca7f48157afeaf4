// What a policy or a token may say, drawn in pieces that have a meaning of their own.
import fc from "fast-check";
import { Constraints } from "../../../../src/policy/constraints.ts";
import { agentId, classifications, hour, momentAt, oddRole, rangeMeanings, toolPool } from "./pools.ts";

type Piece = fc.Arbitrary<Constraints>;

const someOf = <T>(...values: readonly T[]) => fc.subarray([...values], { minLength: 1 });

const selectors: readonly Piece[] = [
  someOf("tenant-a", "tenant-b").map((allowedTenants) => ({ allowedTenants })),
  someOf("analyst", "employee", oddRole).map((allowedRoles) => ({ allowedRoles })),
  someOf(1, 2).map((agents) => ({ allowedAgents: agents.map((index) => agentId(index)) })),
  fc.constantFrom(...classifications).map((dataClassification) => ({ dataClassification })),
  fc.constantFrom(true, true, false).map((encryptionRequired) => ({ encryptionRequired })),
  someOf("DE", "FR", "US").map((allowedCountries) => ({ allowedCountries })),
  someOf("FR", "US", "KP").map((deniedCountries) => ({ deniedCountries })),
  fc
    .subarray(Object.keys(rangeMeanings), { minLength: 1, maxLength: 4 })
    .map((allowedIpRanges) => ({ allowedIpRanges })),
  fc.constantFrom(hour - 1, hour, hour + 1).map((ms) => ({ validFrom: momentAt(ms) })),
  fc.constantFrom(hour, hour + 1, hour + 2).map((ms) => ({ validUntil: momentAt(ms) })),
];

export const limitPieces: readonly Piece[] = [
  fc.constantFrom(1, 5).map((maxRequestsPerMinute) => ({ maxRequestsPerMinute })),
  fc.constantFrom(7, 9).map((maxRequestsPerDay) => ({ maxRequestsPerDay })),
  fc.constantFrom(50, 101, 400, 1_000).map((maxTokensPerMinute) => ({ maxTokensPerMinute })),
  fc.constantFrom(60, 102, 500, 1_100).map((maxTokensPerDay) => ({ maxTokensPerDay })),
  fc.constantFrom(0.000001, 0.00029, 0.002, 5).map((maxCostPerDay) => ({ maxCostPerDay })),
  fc.constantFrom(0.000002, 0.001, 0.0029, 8).map((maxCostPerMonth) => ({ maxCostPerMonth })),
  fc.constantFrom(2, 3).map((maxConcurrentRequests) => ({ maxConcurrentRequests })),
];

const others: readonly Piece[] = [
  fc.constantFrom(99, 100, 101, 102, 500, 502, 1_100).map((maxTokensPerRequest) => ({ maxTokensPerRequest })),
  fc.constantFrom(1, 99, 400, 1_200).map((maxOutputTokens) => ({ maxOutputTokens })),
  fc.constantFrom(399, 400, 401).map((maxPromptCharacters) => ({ maxPromptCharacters })),
  fc
    .constantFrom<NonNullable<Constraints["parameters"]>[]>(
      { temperature: { max: 1 } },
      { temperature: { min: 0.5 } },
      { temperature: { min: 0.25, max: 1.5 }, n: { max: 2 } },
      { n: { min: 2, max: 2 } },
    )
    .map((parameters) => ({ parameters })),
  fc
    .constantFrom<NonNullable<Constraints["deniedPatterns"]>[]>(
      { action: "deny", builtIn: ["script_markup"] },
      { action: "deny", builtIn: ["data_url_markup"], patterns: ["Project X"] },
      { action: "deny", patterns: ["Project X", "project y"] },
      { action: "strip", patterns: ["Project X"] },
      { action: "strip", builtIn: ["data_url_markup"], patterns: ["secret", "Project X"] },
    )
    .map((deniedPatterns) => ({ deniedPatterns })),
  fc.oneof(...limitPieces),
  fc.oneof(...limitPieces),
  fc
    .tuple(fc.oneof(...limitPieces), fc.constantFrom("tenant" as const, "user" as const, "address" as const))
    .map(([limit, quotaScope]) => ({ ...limit, quotaScope })),
  fc.constantFrom("standard" as const, "detailed" as const).map((auditLogging) => ({ auditLogging })),
  fc.constantFrom("eu" as const, "eu" as const, "us" as const).map((dataResidency) => ({ dataResidency })),
  fc
    .constantFrom("region" as const, "zone" as const, "global" as const)
    .map((processing) => ({ processing })),
  fc
    .subarray([...toolPool.filter((tool) => !["function:unlisted", "brand_new"].includes(tool))], {
      minLength: 1,
    })
    .map((allowedTools) => ({ allowedTools })),
  fc.constantFrom(true, true, false).map((allowStore) => ({ allowStore })),
];

/** Not built yet. */
const unavailable: readonly Piece[] = [
  fc.boolean().map((noPersonalData) => ({ noPersonalData })),
  fc.constant({ noSecrets: { action: "redact" as const } }),
];

const merged = (pieces: readonly Constraints[]): Constraints =>
  Constraints.parse(Object.assign({}, ...pieces));
const constraintsOf = (pieces: fc.Arbitrary<Constraints>, maxLength: number) =>
  fc.array(pieces, { maxLength }).map(merged);
const anyPiece = fc.oneof(
  { weight: 9, arbitrary: fc.oneof(...selectors) },
  { weight: 12, arbitrary: fc.oneof(...others) },
  { weight: 1, arbitrary: fc.oneof(...unavailable) },
  { weight: 1, arbitrary: fc.boolean().map((requiresApproval) => ({ requiresApproval })) },
);
export const constraints = constraintsOf(anyPiece, 3);
/** One at most: every boundary holds all asks. */
export const fewConstraints = constraintsOf(anyPiece, 1);
/** Numbers, contents and features cannot be written on a deny. */
export const denyConstraints = fc
  .array(
    fc.oneof(
      { weight: 30, arbitrary: fc.oneof(...selectors) },
      { weight: 1, arbitrary: fc.oneof(...unavailable) },
      { weight: 1, arbitrary: fc.boolean().map((requiresApproval) => ({ requiresApproval })) },
    ),
    { minLength: 1, maxLength: 3 },
  )
  .map(merged);
