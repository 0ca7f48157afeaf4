/**
 * The whole constraint table of DESIGN section 6 as one schema. Unknown keys are rejected at write. Which keys are
 * enforced today stands in constraint-table.ts: a key outside it is storable and refuses, it is never ignored.
 */
import * as z from "zod";
import { Timestamp } from "../kernel/timestamp.ts";
import { QuotaScope } from "../quota/limit-claim.ts";
import { Classification } from "./classification.ts";
import { BuiltInPatterns } from "./denied-patterns.ts";

const names = z.array(z.string().min(1).max(256)).min(1).max(1_000);
const count = z.int().min(1).max(Number.MAX_SAFE_INTEGER);
/** USD; ledgers count whole nano-USD, and these are the amounts that stay exact there. */
const money = z.number().min(0.000001).max(9_000_000);
const countries = z
  .array(z.string().regex(/^[A-Z]{2}$/, "must be an ISO 3166-1 alpha-2 code"))
  .min(1)
  .max(250);
const denyOrRedact = z.union([z.boolean(), z.strictObject({ action: z.literal("redact") })]);
const range = z.strictObject({ min: z.number().optional(), max: z.number().optional() });

/** What ledgers count. A tenant's own limits are the same, over all its agents. */
export const limitFields = {
  maxRequestsPerMinute: count.optional(),
  maxRequestsPerDay: count.optional(),
  maxTokensPerMinute: count.optional(),
  maxTokensPerDay: count.optional(),
  maxCostPerDay: money.optional(),
  maxCostPerMonth: money.optional(),
  maxConcurrentRequests: count.optional(),
};

export const Constraints = z.strictObject({
  allowedTenants: names.optional(),
  allowedRoles: names.optional(),
  allowedAgents: names.optional(),

  maxTokensPerRequest: count.optional(),
  maxOutputTokens: count.optional(),
  maxPromptCharacters: count.optional(),
  /** By the name of a top-level parameter. */
  parameters: z.record(z.string().min(1).max(64), range).optional(),
  deniedPatterns: z
    .strictObject({
      builtIn: z.array(BuiltInPatterns).optional(),
      /** Literal texts, whatever their case. */
      patterns: z.array(z.string().min(1).max(256)).max(50).optional(),
      action: z.enum(["deny", "strip"]).default("deny"),
    })
    .optional(),

  ...limitFields,
  /** What the limits above count by; `agent` when absent. */
  quotaScope: QuotaScope.optional(),

  dataClassification: Classification.optional(),
  noPersonalData: denyOrRedact.optional(),
  noSecrets: denyOrRedact.optional(),
  encryptionRequired: z.boolean().optional(),
  auditLogging: z.enum(["standard", "detailed"]).optional(),
  requiresApproval: z.boolean().optional(),

  allowedCountries: countries.optional(),
  deniedCountries: countries.optional(),
  allowedIpRanges: z
    .array(z.union([z.cidrv4(), z.cidrv6()]))
    .min(1)
    .max(1_000)
    .optional(),
  validFrom: Timestamp.optional(),
  validUntil: Timestamp.optional(),

  dataResidency: z.enum(["eu", "us"]).optional(),
  processing: z.enum(["region", "zone", "global"]).optional(),
  allowedTools: names.optional(),
  allowStore: z.boolean().optional(),
});
export type Constraints = z.infer<typeof Constraints>;
export type ConstraintKey = keyof Constraints;

export const constraintKeys: readonly ConstraintKey[] = Constraints.keyof().options;
