/** `POST /v1/tokens/exchange`, for the OpenAPI description. */
import { TOKEN_EXCHANGE } from "../capability/oauth-metadata.ts";
import { refusalCodes, refusalTable } from "../kernel/refusal.ts";
import type { RouteDescription } from "../kernel/route-description.ts";
import { EXCHANGE_PATH, ExchangedToken, ExchangeRequest } from "./exchange-request.ts";

export const tokenExchangeRoute: RouteDescription = {
  method: "POST",
  path: EXCHANGE_PATH,
  operationId: "exchangeToken",
  tag: "tokens",
  summary:
    "Exchange a capability token for a child that may do less (RFC 8693). The parent is the credential.",
  credential: { kind: "token" },
  params: {},
  query: null,
  body: {
    schema: ExchangeRequest,
    acceptsForm: true,
    example: {
      grant_type: TOKEN_EXCHANGE,
      authorization_details: [
        {
          type: "model_invocation",
          actions: ["chat"],
          locations: ["api://azure-openai/models/gpt-4o"],
          constraints: { maxTokensPerDay: 10_000 },
        },
      ],
      expires_in: 300,
    },
  },
  answer: { status: 200, schema: ExchangedToken },
  errors: "problem",
  refusals: [
    "content_type_unsupported",
    "body_missing",
    "body_too_large",
    "body_invalid",
    "meaningless",
    ...refusalCodes.filter((code) => code.startsWith("token_") && refusalTable[code].status === 401),
    ...refusalCodes.filter((code) => code.startsWith("proof_")),
    "credentials_conflict",
    "too_many_bad_credentials",
    "token_home_unknown",
    "tenant_unknown",
    "agent_unknown",
    "agent_disabled",
    "residency_country",
    "residency_ingress",
    "residency_colo",
    "encryption_required",
    "outside_boundary",
    "indeterminate",
    "constraint_not_available",
    "delegation_not_allowed",
    "authorization_exceeded",
    "not_found",
    "delegations_exhausted",
    "signing_keys_ended",
    "store_unavailable",
    "snapshot_unavailable",
    "revision_unsettled",
    "ledger_unavailable",
    "ledger_overloaded",
    "audit_unavailable",
    "internal_error",
  ],
};
