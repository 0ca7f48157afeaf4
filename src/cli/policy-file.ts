/** What one file says: whose policies they are, the policies, their tests, and what tests depend on. */
import * as z from "zod";
import { Sku } from "../azure/backend.ts";
import { DeploymentName, Prices } from "../azure/deployment.ts";
import { TenantId } from "../kernel/ids.ts";
import { Timestamp } from "../kernel/timestamp.ts";
import { MAX_TESTS_OF_POLICY, SuiteTest, TestPlace } from "../policy/as-code/policy-test.ts";
import { Classification } from "../policy/classification.ts";
import { PolicyInput } from "../policy/policy.ts";
import { TenantLimits } from "../policy/tenant.ts";
import { ResidencyPromise } from "../residency/promise.ts";

/** What decisions depend on of a deployment: no endpoint, no credential. */
const ContextDeployment = z.strictObject({
  name: DeploymentName,
  model: z.string().min(1).max(100).default("unknown"),
  maxOutputTokens: z.int().min(0).max(1_000_000).default(1_000_000),
  prices: Prices.optional(),
  classification: Classification.default("restricted"),
  backends: z
    .array(
      z.strictObject({
        region: z.string().regex(/^[a-z0-9]{2,40}$/, "must be an Azure region name such as swedencentral"),
        sku: Sku,
        classification: Classification.default("restricted"),
      }),
    )
    .min(1)
    .max(32),
});
export type ContextDeployment = z.infer<typeof ContextDeployment>;

const Context = z.strictObject({
  residency: ResidencyPromise.optional(),
  limits: TenantLimits.optional(),
  /** All there are. Where nothing is said, every model is taken for one that is registered. */
  deployments: z.array(ContextDeployment).max(500).optional(),
  /** A file or folder with the platform's policies, which hold as well; relative to this file. */
  platform: z.string().min(1).optional(),
});
export type Context = z.infer<typeof Context>;

export const PolicyFile = z.strictObject({
  tenant: TenantId.optional(),
  platform: z.literal(true).optional(),
  /** When and where tests are that do not say it. */
  at: Timestamp.optional(),
  place: TestPlace.optional(),
  policies: z
    .array(PolicyInput.extend({ tests: z.array(SuiteTest).max(MAX_TESTS_OF_POLICY).optional() }))
    .max(1_000)
    .default([]),
  tests: z.array(SuiteTest).max(1_000).default([]),
  context: Context.optional(),
});
export type PolicyFile = z.infer<typeof PolicyFile>;
