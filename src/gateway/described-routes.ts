/** The gateway's routes as data, for the OpenAPI description: `/v1/enforce`, the data plane, and what anybody may ask. */
import * as z from "zod";
import { DISCOVERY_PATH, ENTRA_JWKS_PATH } from "../capability/entra-issuer.ts";
import { DecisionId } from "../kernel/ids.ts";
import { refusalCodes, refusalTable } from "../kernel/refusal.ts";
import type { RouteDescription } from "../kernel/route-description.ts";
import { modelRoutes } from "./described-model-routes.ts";
import { EnforceReply, EnforceRequest } from "./enforce-request.ts";
import { UsageReply, UsageReport } from "./usage-report.ts";

/** What is wrong with a capability token itself. */
const tokenRefusals = refusalCodes.filter(
  (code) => code.startsWith("token_") && code !== "token_missing" && refusalTable[code].status === 401,
);

const Health = z.strictObject({ status: z.enum(["ok", "ill"]) }).meta({ id: "Health" });
const ReadinessReply = z
  .strictObject({
    status: z.enum(["ok", "ill"]),
    stores: z.record(z.string(), z.enum(["ok", "ill"])).optional(),
  })
  .meta({ id: "Readiness" });
const Jwks = z
  .strictObject({ keys: z.array(z.looseObject({ kty: z.string(), kid: z.string() })) })
  .meta({ id: "Jwks", description: "RFC 7517." });
const Discovery = z
  .strictObject({
    issuer: z.url(),
    jwks_uri: z.url(),
    response_types_supported: z.array(z.string()),
    subject_types_supported: z.array(z.string()),
    id_token_signing_alg_values_supported: z.array(z.string()),
  })
  .meta({ id: "OpenIdConfiguration" });
const Description = z.looseObject({ openapi: z.string() }).meta({ id: "OpenApi" });

const forAnybody = {
  method: "GET",
  tag: "gateway",
  credential: { kind: "none" },
  params: {},
  query: null,
  body: null,
  errors: "problem",
  refusals: [],
} as const;

export const gatewayRoutes: readonly RouteDescription[] = [
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
      "api_key_missing",
      "api_key_invalid",
      "api_key_expired",
      "too_many_bad_credentials",
      "scope_missing",
      "content_type_unsupported",
      "body_missing",
      "body_too_large",
      "body_invalid",
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
      "api_key_missing",
      "api_key_invalid",
      "api_key_expired",
      "too_many_bad_credentials",
      "scope_missing",
      "content_type_unsupported",
      "body_missing",
      "body_too_large",
      "body_invalid",
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
  ...modelRoutes,
  {
    ...forAnybody,
    path: "/.well-known/jwks.json",
    operationId: "getKeys",
    summary: "The public keys of capability tokens, and of receipts (`portcullis_use` is `receipt`).",
    answer: { status: 200, schema: Jwks },
  },
  {
    ...forAnybody,
    path: DISCOVERY_PATH,
    operationId: "getEntraDiscovery",
    summary: "Where Microsoft Entra finds the keys of this gateway's assertions.",
    answer: { status: 200, schema: Discovery },
    refusals: ["route_unknown"],
  },
  {
    ...forAnybody,
    path: ENTRA_JWKS_PATH,
    operationId: "getEntraKeys",
    summary: "The public keys of this gateway's assertions for Microsoft Entra.",
    answer: { status: 200, schema: Jwks },
    refusals: ["route_unknown"],
  },
  {
    ...forAnybody,
    path: "/v1/openapi.json",
    operationId: "getDescription",
    summary: "This description.",
    answer: { status: 200, schema: Description },
  },
  {
    ...forAnybody,
    path: "/v1/health",
    operationId: "getHealth",
    summary: "This Worker is configured and answers, whatever its stores do.",
    answer: { status: 200, schema: Health, otherwise: 503 },
  },
  {
    ...forAnybody,
    path: "/v1/ready",
    operationId: "getReadiness",
    summary: "It can decide, or which store is ill.",
    answer: { status: 200, schema: ReadinessReply, otherwise: 503 },
  },
];
