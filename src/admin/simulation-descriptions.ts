/** What `POST /v1/policies/simulate` takes and answers. */
import * as z from "zod";
import { ReplayCounts } from "../audit/replay-tally.ts";
import { PolicyId, TenantId } from "../kernel/ids.ts";
import { Timestamp } from "../kernel/timestamp.ts";
import { PolicyInput } from "../policy/policy.ts";
import { described, NoQuery } from "./operation-description.ts";

export const MAX_SIMULATED_DAYS = 30;
export const MAX_SIMULATED_RECORDS = 5_000;

const PolicyToTry = PolicyInput.meta({ id: "PolicyInput" });

const Simulation = z
  .strictObject({
    tenantId: TenantId.optional(),
    days: z.int().min(1).max(MAX_SIMULATED_DAYS).optional().meta({
      description: "How long before `to`, where `from` is not given; 7 unless said.",
    }),
    from: Timestamp.optional().meta({ description: "Inclusive." }),
    to: Timestamp.optional().meta({ description: "Exclusive; now unless said." }),
    policies: z.array(PolicyToTry).max(1_000).optional().meta({
      description: "All that the tenant would have. Policies of the platform stay as they are.",
    }),
    changes: z
      .array(z.strictObject({ id: PolicyId.optional(), policy: PolicyToTry.nullable() }))
      .min(1)
      .max(200)
      .optional()
      .meta({
        description:
          "To the policies that the tenant has: without `id` a new one, with `policy: null` one less.",
      }),
    maxRecords: z.int().min(1).max(MAX_SIMULATED_RECORDS).default(MAX_SIMULATED_RECORDS),
    cursor: z.string().min(1).max(1_024).optional().meta({ description: "`cut` of the answer before." }),
  })
  .refine(({ policies, changes }) => (policies === undefined) !== (changes === undefined), {
    path: ["policies"],
    message: "must be given, or `changes`, and not both",
  })
  .refine(({ days, from }) => days === undefined || from === undefined, {
    path: ["days"],
    message: "says what `from` says already",
  })
  .meta({ id: "PolicySimulation" });
export type Simulation = z.infer<typeof Simulation>;

const Simulated = ReplayCounts.extend({
  tenantId: TenantId,
  from: Timestamp,
  to: Timestamp,
  cut: z.string().nullable().meta({
    description: "Where to go on, with the same `from` and `to`; null = all of the time has been looked at.",
  }),
}).meta({ id: "SimulatedPolicies" });
export type Simulated = z.infer<typeof Simulated>;

export const simulationDescriptions = {
  simulate: described({
    method: "POST",
    path: "/policies/simulate",
    operationId: "simulatePolicies",
    summary:
      "Decide recorded decisions again under proposed policies of a tenant. Nothing is written. Needs the scope `audit:read` as well.",
    scope: "policies:read",
    query: NoQuery,
    body: Simulation,
    example: {
      days: 7,
      policies: [
        {
          name: "Support may chat",
          effect: "allow",
          actions: ["chat"],
          resources: ["api://azure-openai/models/gpt-4o"],
          constraints: { maxTokensPerRequest: 4_000 },
        },
      ],
    },
    answer: { status: 200, schema: Simulated },
    refusals: ["tenant_mismatch", "not_found", "home_not_configured", "meaningless"],
  }),
};
