/** `/v1/enforce`: may this capability do this? For applications that call Azure themselves. */
import * as z from "zod";
import { DecisionOutcome, Reason } from "../audit/audit-record.ts";
import { Action } from "../policy/action.ts";
import { ToolName } from "../policy/allowed-tools.ts";
import { Classification } from "../policy/classification.ts";
import { Obligations } from "../policy/decision.ts";
import { Resource } from "../policy/resource.ts";
import { Revisions } from "../policy/snapshot.ts";
import { ToldLimit } from "../quota/told-limit.ts";

export const EnforceRequest = z.strictObject({
  /** The caller's own id: the same id within 10 minutes is the same request. */
  requestId: z.string().min(1).max(200),
  capabilityToken: z.string().min(1).max(16_384),
  action: Action,
  resourceId: Resource,
  /** The tenant the caller believes it acts for; another than the token's is denied. */
  tenantId: z.string().min(1).max(200).optional(),
  /** Of the tenant, as a write answered it: the decision is made under that revision or a later one. */
  minRevision: z.int().min(0).optional(),
  /** What is known about the call. Unknown members pass: they are the caller's own notes. */
  context: z
    .looseObject({
      promptTokens: z.int().min(0).max(100_000_000).optional(),
      maxOutputTokens: z.int().min(1).max(10_000_000).optional(),
      dataClassification: Classification.optional(),
      user: z.string().min(1).max(10_000).optional(),
      /** The tools that the call offers, by type or as `function:<name>`; `[]` = none. */
      tools: z.array(ToolName).max(1_000).optional(),
      /** Whether the call asks Azure to keep its answer. */
      store: z.boolean().optional(),
      /** Unicode code points of all texts of the prompt. */
      promptCharacters: z.int().min(0).max(100_000_000).optional(),
      /** How many pictures the call asks for: what a deployment that is billed by them costs. */
      pictures: z.int().min(1).max(128).optional(),
      /** Those of the call's parameters that are numbers; `{}` = none. */
      parameters: z.record(z.string().min(1).max(64), z.number()).optional(),
    })
    .default({}),
});
export type EnforceRequest = z.infer<typeof EnforceRequest>;

export const EnforceReply = z.strictObject({
  decision: DecisionOutcome,
  decisionId: z.string(),
  requestId: z.string(),
  reasons: z.array(Reason.extend({ limit: ToldLimit.optional() })),
  /** Under which revisions this was decided; null when the token did not get as far as a snapshot. */
  revision: Revisions.nullable(),
  /** What an allowed caller must do; null when it is not allowed. */
  obligations: Obligations.nullable(),
  /** The approval that is waited for, was denied, or has been spent; absent where there is none. */
  approvalId: z.string().optional(),
});
export type EnforceReply = z.infer<typeof EnforceReply>;
