/**
 * The gateway's routes as data, for the OpenAPI description: `/v1/enforce`, and the data plane read off the surface
 * table. Bodies and answers of model calls are Azure's; the gateway checks what it acts on and passes the rest.
 */
import * as z from "zod";
import { DeploymentName } from "../azure/deployment.ts";
import { type Operation, operations } from "../azure/operation.ts";
import { DISCOVERY_PATH, ENTRA_JWKS_PATH } from "../capability/entra-issuer.ts";
import { DecisionId } from "../kernel/ids.ts";
import { type RefusalCode, refusalCodes, refusalTable } from "../kernel/refusal.ts";
import type { RouteDescription } from "../kernel/route-description.ts";
import { refreshRoute } from "./described-refresh.ts";
import { EnforceReply, EnforceRequest } from "./enforce-request.ts";
import { UsageReply, UsageReport } from "./usage-report.ts";

const AZURE_REFERENCE = "https://learn.microsoft.com/azure/ai-services/openai/reference";

const controlPlaneOnly: ReadonlySet<RefusalCode> = new Set<RefusalCode>([
  "api_key_missing",
  "api_key_invalid",
  "api_key_expired",
  "signing_keys_ended",
  "scope_missing",
  "not_found",
  "already_exists",
  "in_use",
  "write_in_progress",
  "meaningless",
  "home_not_configured",
  "entra_not_configured",
  "query_invalid",
  "request_id_reused",
  "revision_unknown",
  "precondition_invalid",
  "precondition_failed",
  "pending_approval",
  "approval_decided",
  "approval_expired",
  "approval_used",
  "webhook_secret_missing",
  "token_not_refreshable",
]);
const dataPlaneRefusals = refusalCodes.filter((code) => !controlPlaneOnly.has(code));

/** What is wrong with a capability token itself. */
const tokenRefusals = refusalCodes.filter(
  (code) => /^(?:token|proof)_/.test(code) && code !== "token_missing" && refusalTable[code].status === 401,
);

const AzureBody = z.looseObject({}).meta({ id: "AzureBody", description: "As Azure OpenAI defines it." });
const ModelList = z
  .strictObject({ object: z.literal("list"), data: z.array(z.looseObject({ id: z.string() })) })
  .meta({ id: "ModelList" });

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

const DatedVersion = z.strictObject({
  "api-version": z
    .string()
    .regex(/^\d{4}-\d{2}-\d{2}(?:-preview)?$/, "must be a dated version of Azure's API"),
});
const V1Version = z.strictObject({ "api-version": z.enum(["v1", "preview"]).optional() });

const modelCall = {
  method: "POST",
  tag: "openai",
  credential: { kind: "token" },
  params: {},
  answer: { status: 200, schema: AzureBody, hasLimits: true, hasReceipt: true },
  errors: "azure",
  refusals: dataPlaneRefusals,
  externalDocs: AZURE_REFERENCE,
} as const;

/** `chat/completions` → `ChatCompletions` */
const titleOf = (name: string): string =>
  name.replaceAll(/(?:^|\/)([a-z])/g, (_, letter: string) => letter.toUpperCase());

const examples: Readonly<Record<Operation["name"], object>> = {
  "chat/completions": { messages: [{ role: "user", content: "Hello" }], max_completion_tokens: 100 },
  completions: { prompt: "Hello", max_tokens: 100 },
  embeddings: { input: "Hello" },
  responses: { input: "Hello", max_output_tokens: 100, store: false },
};

function classicRoute({ name, classic }: Operation): RouteDescription {
  return {
    ...modelCall,
    path: classic ? `/openai/deployments/:deployment/${name}` : `/openai/${name}`,
    operationId: `classic${titleOf(name)}`,
    summary: classic
      ? `Azure's \`${name}\`; the path names the deployment.`
      : `Azure's \`${name}\`; the body's \`model\` names the deployment.`,
    params: classic ? { deployment: DeploymentName } : {},
    query: DatedVersion,
    body: {
      schema: AzureBody,
      example: classic ? examples[name] : { model: "gpt-4o", ...examples[name] },
    },
  };
}

const v1Route = ({ name }: Operation): RouteDescription => ({
  ...modelCall,
  path: `/openai/v1/${name}`,
  operationId: `v1${titleOf(name)}`,
  summary: `Azure's \`${name}\`; the body's \`model\` names the deployment.`,
  query: V1Version,
  body: { schema: AzureBody, example: { model: "gpt-4o", ...examples[name] } },
});

const surface = Object.values(operations);

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
  refreshRoute,
  ...surface.filter(({ classic }) => classic).map(classicRoute),
  classicRoute(operations.responses),
  ...surface.filter(({ v1 }) => v1).map(v1Route),
  {
    ...modelCall,
    method: "GET",
    path: "/openai/v1/models",
    operationId: "listModels",
    summary: "The deployments that some call of this capability could be allowed on.",
    query: V1Version,
    body: null,
    answer: { status: 200, schema: ModelList, hasReceipt: true },
  },
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
