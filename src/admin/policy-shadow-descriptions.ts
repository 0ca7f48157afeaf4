/** What `GET /v1/policies/{id}/shadow` takes and answers. */
import * as z from "zod";
import { ShadowAgentSum, ShadowSample, ShadowSums } from "../audit/shadow-sums.ts";
import { AgentId, PolicyId, Scope } from "../kernel/ids.ts";
import { Timestamp } from "../kernel/timestamp.ts";
import { PolicyInput } from "../policy/policy.ts";
import { Revision } from "../policy/snapshot.ts";
import { described, NoBody } from "./operation-description.ts";

const ShadowQuery = z.strictObject({
  from: Timestamp.optional().meta({
    description: "Inclusive, taken back to the start of its hour. Absent: 30 days before `to`.",
  }),
  to: Timestamp.optional().meta({ description: "Exclusive, taken on to the end of its hour. Absent: now." }),
});
export type ShadowQuery = z.infer<typeof ShadowQuery>;

/** Null where a decision named no agent. */
const agentId = AgentId.nullable();

const ShadowSummary = z
  .strictObject({
    policyId: PolicyId,
    scope: Scope,
    mode: PolicyInput.shape.mode.unwrap().nullable().meta({ description: "Today's; null = it was deleted." }),
    version: z
      .strictObject({ revision: Revision, at: Timestamp, until: Timestamp.nullable() })
      .nullable()
      .meta({
        description:
          "The version that is summed up: the last one in shadow, and until when it was in force. Null where a range was asked for, or the policy was never in shadow.",
      }),
    range: z
      .strictObject({ from: Timestamp, to: Timestamp })
      .nullable()
      .meta({ description: "The whole hours that are summed up, whatever the policy said in them." }),
    decisions: ShadowSums.shape.decisions.meta({
      description: "Judged while some policy of the same scope, or of the platform, was in shadow.",
    }),
    flips: ShadowSums.shape.flips,
    agents: z.array(ShadowAgentSum.extend({ agentId })).meta({ description: "Those with the most flips." }),
    samples: z
      .array(ShadowSample.omit({ hour: true }).extend({ agentId, hour: Timestamp }))
      .meta({ description: "Of the newest hours." }),
  })
  .meta({ id: "ShadowSummary" });
export type ShadowSummary = z.infer<typeof ShadowSummary>;

export const policyShadowDescriptions = {
  sums: described({
    method: "GET",
    path: "/policies/:id/shadow",
    operationId: "getPolicyShadow",
    summary:
      "What a policy would have changed while it was in shadow, summed up from records, so seconds behind the decisions.",
    scope: "audit:read",
    params: { id: PolicyId },
    query: ShadowQuery,
    body: NoBody,
    answer: { status: 200, schema: ShadowSummary },
  }),
};
