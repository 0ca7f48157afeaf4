/** `/v1/enforce` and the report of usage as data, for the OpenAPI description. */
import { DecisionId } from "../kernel/ids.ts";
import { type RefusalCode, refusalCodes, refusalTable } from "../kernel/refusal.ts";
import type { RouteDescription } from "../kernel/route-description.ts";
import { EnforceReply, EnforceRequest } from "./enforce-request.ts";
import { UsageReply, UsageReport } from "./usage-report.ts";

/** What is wrong with a capability token itself. */
const tokenRefusals = refusalCodes.filter(
  (code) => /^(?:token|proof)_/.test(code) && code !== "token_missing" && refusalTable[code].status === 401,
);

/** Of the API key and of the body, before either is about anything. */
const ofTheDoor: readonly RefusalCode[] = [
  "api_key_missing",
  "api_key_invalid",
  "api_key_expired",
  "too_many_bad_credentials",
  "scope_missing",
  "content_type_unsupported",
  "body_missing",
  "body_too_large",
  "body_invalid",
];

export const enforceRoutes: readonly RouteDescription[] = [
  {
    method: "POST",
    path: "/v1/enforce",
    operationId: "enforce",
    tag: "enforce",
    summary: "May this capability do this? Every decision is a 200; only `allowed` allows.",
    credential: { kind: "api_key", scope: "enforce" },
    params: {},
    query: null,
    body: {
      schema: EnforceRequest.meta({ id: "EnforceRequest" }),
      example: {
        requestId: "order-4711-attempt-1",
        capabilityToken: "eyJhbGciOiJFZERTQSJ9.e30.c2lnbmF0dXJl",
        action: "chat",
        resourceId: "api://azure-openai/models/gpt-4o",
        context: { promptTokens: 120, maxOutputTokens: 500 },
      },
    },
    answer: {
      status: 200,
      schema: EnforceReply.meta({ id: "EnforceReply" }),
      hasLimits: true,
      hasReceipt: true,
    },
    errors: "problem",
    refusals: [
      ...ofTheDoor,
      "home_not_configured",
      "request_id_reused",
      "revision_unknown",
      "snapshot_unavailable",
      "revision_unsettled",
      "ledger_unavailable",
      "ledger_overloaded",
      "audit_unavailable",
      "store_unavailable",
      "internal_error",
    ],
  },
  {
    method: "POST",
    path: "/v1/enforce/:decisionId/usage",
    operationId: "reportUsage",
    tag: "enforce",
    summary: "What a call has used that its caller made itself: settles the decision, once.",
    credential: { kind: "api_key", scope: "enforce" },
    params: { decisionId: DecisionId },
    query: null,
    body: {
      schema: UsageReport.meta({ id: "UsageReport" }),
      example: {
        capabilityToken: "eyJhbGciOiJFZERTQSJ9.e30.c2lnbmF0dXJl",
        promptTokens: 118,
        cachedPromptTokens: 64,
        completionTokens: 214,
        totalTokens: 332,
      },
    },
    answer: { status: 200, schema: UsageReply.meta({ id: "UsageReply" }) },
    errors: "problem",
    refusals: [
      ...ofTheDoor,
      "meaningless",
      ...tokenRefusals,
      "token_home_unknown",
      "tenant_mismatch",
      "not_found",
      "snapshot_unavailable",
      "ledger_unavailable",
      "ledger_overloaded",
      "audit_unavailable",
      "internal_error",
    ],
  },
];
