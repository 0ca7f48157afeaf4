/** What the operation of `/v1/decisions` answers. */
import * as z from "zod";
import { ExplainedDecision } from "../audit/explained-decision.ts";
import { DecisionId, Scope } from "../kernel/ids.ts";
import { described, NoBody } from "./operation-description.ts";

export const decisionDescriptions = {
  explain: described({
    method: "GET",
    path: "/decisions/:decisionId",
    operationId: "explainDecision",
    summary:
      "Explain a decision: its records, every policy that was considered, and the nearest change that would have allowed it.",
    scope: "audit:read",
    params: { decisionId: DecisionId },
    query: z.strictObject({ tenant: Scope.optional() }),
    body: NoBody,
    answer: { status: 200, schema: ExplainedDecision },
    refusals: ["tenant_mismatch", "home_not_configured"],
  }),
};
