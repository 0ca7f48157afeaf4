/** The refresh of a token as data, for the OpenAPI description. */
import { ToldToken } from "../capability/told-token.ts";
import { refusalCodes } from "../kernel/refusal.ts";
import type { RouteDescription } from "../kernel/route-description.ts";

export const refreshRoute: RouteDescription = {
  method: "POST",
  path: "/v1/tokens/refresh",
  operationId: "refreshToken",
  tag: "tokens",
  summary:
    "Exchange a token for its successor before it ends. The old one opens nothing once this has answered.",
  credential: { kind: "token" },
  params: {},
  query: null,
  body: null,
  answer: { status: 200, schema: ToldToken },
  errors: "problem",
  refusals: [
    "credentials_conflict",
    "too_many_bad_credentials",
    ...refusalCodes.filter((code) => /^(?:token|proof|agent)_/.test(code) && code !== "agent_not_allowed"),
    "tenant_unknown",
    "residency_country",
    "residency_ingress",
    "residency_colo",
    "encryption_required",
    "meaningless",
    "signing_keys_ended",
    "snapshot_unavailable",
    "revision_unsettled",
    "ledger_unavailable",
    "ledger_overloaded",
    "store_unavailable",
    "internal_error",
  ],
};
