/** What an explanation says, for administrators alone: callers get code, sentence and decision id. */
import * as z from "zod";
import { RefusalCodeSchema } from "../../kernel/refusal-code.ts";
import { Outcome } from "../outcome.ts";
import { Change } from "./change.ts";

export const FailedConstraint = z
  .strictObject({
    constraint: z.string().meta({ description: "Or `actions`, `resources`, `residency`." }),
    code: RefusalCodeSchema,
    actual: z.json().meta({ description: "What the request is or has; null = not known, or not told." }),
    limit: z.json().meta({ description: "What the constraint asks for; null where the code says it all." }),
  })
  .meta({ id: "FailedConstraint" });
export type FailedConstraint = z.infer<typeof FailedConstraint>;

/**
 * Of a grant: `allows` (by itself it would), `dropped`. Of a deny: `denies`, `not_matched`. Of a boundary: `bounds` (the
 * ask is inside), `denies`.
 */
export const PolicyView = z
  .strictObject({
    policyId: z.string(),
    name: z.string(),
    scope: z.string(),
    kind: z.enum(["grant", "boundary", "deny"]),
    outcome: z.enum(["allows", "dropped", "denies", "not_matched", "bounds"]),
    failed: z.array(FailedConstraint).meta({ description: "Every constraint that does not hold." }),
  })
  .meta({ id: "PolicyView" });
export type PolicyView = z.infer<typeof PolicyView>;

/** One of the token's own authorization details. */
export const DetailView = z
  .strictObject({ covers: z.boolean(), failed: z.array(FailedConstraint) })
  .meta({ id: "TokenDetailView" });
export type DetailView = z.infer<typeof DetailView>;

export const NearestChange = z
  .strictObject({ changes: z.array(Change.meta({ id: "DecisionChange" })).min(1), sentence: z.string() })
  .meta({ id: "NearestChange" });
export type NearestChange = z.infer<typeof NearestChange>;

export const Explanation = z.strictObject({
  decision: Outcome,
  code: z.union([z.literal("allowed"), RefusalCodeSchema]),
  decidedBy: z.array(z.string()).meta({ description: "The grants that would allow, or what refused." }),
  policies: z.array(PolicyView).meta({ description: "Those in force that cover the request." }),
  more: z.int().min(0).meta({ description: "Further ones that cover it than stand here." }),
  notCovering: z.int().min(0).meta({ description: "In force, and for other actions or resources." }),
  token: z.array(DetailView).nullable().meta({ description: "Null = the token narrows nothing." }),
  tenant: z.array(FailedConstraint).meta({ description: "What the tenant's own limits or promise refuse." }),
  approvalFrom: z.array(z.string()).meta({
    description: "Where it waits for approval: the policies that demand it, or `token`.",
  }),
  nearest: NearestChange.nullable().meta({
    description:
      "The fewest changes that would allow it; null where it is allowed, waits for approval, or none is known.",
  }),
});
export type Explanation = z.infer<typeof Explanation>;
