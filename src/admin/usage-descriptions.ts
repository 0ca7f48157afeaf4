/** What `/v1/usage` and `/v1/quotas` take and answer. */
import * as z from "zod";
import { UsageGroup, UsageInterval } from "../audit/usage-question.ts";
import { DeploymentName } from "../azure/deployment.ts";
import { AgentId, TenantId } from "../kernel/ids.ts";
import { Timestamp } from "../kernel/timestamp.ts";
import { AgentState } from "../quota/contracts.ts";
import { Meter, QuotaScope, Window } from "../quota/limit-claim.ts";
import { ListQuery } from "./list-query.ts";
import { described, NoBody } from "./operation-description.ts";

const GroupBy = z
  .string()
  .regex(
    new RegExp(`^(?:${UsageGroup.options.join("|")})(?:,(?:${UsageGroup.options.join("|")}))*$`),
    `must be a comma list of ${UsageGroup.options.join(", ")}`,
  )
  .max(100)
  .transform((text) => [...new Set(text.split(","))].map((group) => UsageGroup.parse(group)));

const UsageQuery = ListQuery.extend({
  tenant: TenantId.optional(),
  agent: AgentId.optional(),
  deployment: DeploymentName.optional(),
  endUser: z
    .string()
    .regex(/^[^\p{Cc}]{1,1000}$/u, "must be 1 to 1000 characters, none of them control characters")
    .optional()
    .meta({ description: "As calls name it. It is hashed before it is looked for; answers hold the hash." }),
  from: Timestamp.optional().meta({
    description:
      "Inclusive, taken back to the start of its hour, or day. Absent: 24 hours before `to` by hour, else 30 days.",
  }),
  to: Timestamp.optional().meta({
    description: "Exclusive, taken on to the end of its hour, or day. Absent: now.",
  }),
  interval: UsageInterval.default("hour").meta({
    description: "At most 31 days by hour, 366 by day and in total, which is one sum for each group.",
  }),
  groupBy: GroupBy.optional(),
});
export type UsageQuery = z.infer<typeof UsageQuery>;

const count = z.int();
export const UsageSums = z
  .strictObject({
    /** The start of the hour, day or range, in which calls ended. */
    time: Timestamp,
    /** Null in a group: none. Absent: not grouped by. */
    agentId: AgentId.optional(),
    deployment: z.string().nullable().optional(),
    /** Salted hash. */
    endUser: z.string().nullable().optional(),
    /** Calls that were charged; those Azure did not bill are none. */
    requests: count,
    promptTokens: count,
    cachedPromptTokens: count,
    completionTokens: count,
    /** As charged: a call whose usage never came counts here as reserved, and in no part. */
    totalTokens: count,
    costUsd: z.number(),
    costNanoUsd: count,
    /** Requests without a known price: the cost is without them. */
    unpricedRequests: count,
  })
  .meta({ id: "UsageSums" });
export type UsageSums = z.infer<typeof UsageSums>;

const Usage = z
  .strictObject({
    tenantId: TenantId,
    interval: UsageInterval,
    from: Timestamp,
    to: Timestamp,
    items: z.array(UsageSums),
    nextCursor: z.string().nullable(),
  })
  .meta({ id: "UsageByTime" });

export const usageDescriptions = {
  sums: described({
    method: "GET",
    path: "/usage",
    operationId: "getUsage",
    summary:
      "What one tenant's calls have used and cost, by hour or day, oldest first, or in total; from records, so seconds behind.",
    scope: "usage:read",
    query: UsageQuery,
    body: NoBody,
    answer: { status: 200, schema: Usage },
    refusals: ["tenant_mismatch", "not_found", "home_not_configured"],
  }),
};

const amount = z.int().min(0);
export const CounterOwner = z.strictObject({
  kind: z.enum(["policy", "tenant", "token"]),
  id: z.string(),
  name: z.string().nullable(),
  /** `unknown`: tokens are not kept, so nobody can tell whether theirs is still in use. */
  state: z.enum(["current", "gone", "unknown"]),
});
export type CounterOwner = z.infer<typeof CounterOwner>;

export const QuotaCounter = z
  .strictObject({
    owner: CounterOwner,
    scope: QuotaScope,
    /** Amounts of `cost` are nano-USD. */
    meter: Meter,
    window: Window,
    /** Salted hash of the end user or client address that is counted, if any. */
    subject: z.string().nullable(),
    /** Null where the owner has no such limit any more, or is not known. */
    limit: amount.nullable(),
    /** By this agent, what is reserved included. */
    used: amount,
    reserved: amount,
    /** Of the limit; in a tenant-wide one, of all agents. */
    left: amount.nullable(),
    /** When the whole is free again; null for calls under way. */
    resetsAt: Timestamp.nullable(),
    /** Of a tenant-wide limit: what this agent holds of it, used or not, and what all agents hold. */
    tenantWide: z.strictObject({ held: amount, heldByAll: amount }).nullable(),
  })
  .meta({ id: "QuotaCounter" });
export type QuotaCounter = z.infer<typeof QuotaCounter>;

const Quotas = z
  .strictObject({
    agentId: AgentId,
    tenantId: TenantId,
    /** The agent as its ledger knows it; null before it was ever told. */
    agent: z.strictObject({ version: AgentState.shape.version, status: AgentState.shape.status }).nullable(),
    openReservations: amount,
    /** Whether the ledger is so busy that it writes its counters ahead of use. */
    chargesAhead: z.boolean(),
    /** Those in use; a limit of which nothing is used has none. */
    items: z.array(QuotaCounter),
    nextCursor: z.string().nullable(),
  })
  .meta({ id: "Quotas" });

export const quotaDescriptions = {
  get: described({
    method: "GET",
    path: "/quotas/:agentId",
    operationId: "getQuotas",
    summary: "The live counters of one agent, with what each belongs to. Looking charges nothing.",
    scope: "usage:read",
    params: { agentId: AgentId },
    query: ListQuery,
    body: NoBody,
    answer: { status: 200, schema: Quotas },
    refusals: ["ledger_unavailable", "ledger_overloaded", "snapshot_unavailable"],
  }),
};
