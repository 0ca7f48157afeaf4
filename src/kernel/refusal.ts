/**
 * The one refusal union and its one map to the wire. A refusal is a value with a stable code; its row gives the
 * status, the sentence a caller reads, and whether a client should try again. Adding a code without a row does
 * not compile, and docs/refusals.md is held against this table by a test.
 */
import type { ApprovalId } from "./ids.ts";

interface RefusalRow {
  readonly status: 400 | 401 | 403 | 404 | 405 | 409 | 412 | 413 | 415 | 422 | 429 | 500 | 502 | 503 | 504;
  readonly sentence: string;
  /** False tells the SDKs to stop at once (`x-should-retry`); true invites a retry. */
  readonly retry: boolean;
}

const row = (status: RefusalRow["status"], sentence: string, retry = false): RefusalRow => ({
  status,
  sentence,
  retry,
});

export const refusalTable = {
  // Credentials on the data plane
  token_missing: row(401, "Send a capability token as `api-key` or `Authorization: Bearer`."),
  credentials_conflict: row(401, "`api-key` and `Authorization` carry different credentials; send one."),
  token_too_large: row(401, "The capability token is longer than any this gateway issues."),
  token_malformed: row(401, "The capability token is not a well-formed compact JWS."),
  token_header_invalid: row(401, "The capability token's header is not one this gateway issues."),
  token_algorithm_invalid: row(401, "The capability token is signed with an algorithm its key does not use."),
  token_key_unknown: row(401, "The capability token names a signing key this gateway does not hold."),
  token_key_withdrawn: row(
    401,
    "The key that signed this capability token was withdrawn; ask for a new token.",
  ),
  token_signature_invalid: row(401, "The capability token's signature does not verify."),
  token_claims_invalid: row(
    401,
    "The capability token's claims are not those of a capability token for this gateway.",
  ),
  token_expired: row(401, "The capability token has expired; ask for a new one."),
  token_not_yet_valid: row(401, "The capability token was issued in the future."),
  too_many_bad_credentials: row(
    429,
    "Too many requests with bad credentials came from this address; try again later.",
    true,
  ),
  token_outdated: row(401, "The agent changed after this capability token was issued; ask for a new one."),
  token_revoked: row(401, "The capability token was revoked; ask for a new one."),
  // A call that was on its way when its client refreshed: the client has the new one by the time it tries again.
  token_refreshed: row(
    401,
    "The capability token was refreshed; use the one that it was refreshed into.",
    true,
  ),
  token_not_refreshable: row(
    403,
    "The capability token may not be refreshed, or not beyond its own end; ask for a new one.",
  ),
  proof_missing: row(
    401,
    "The capability token is bound to a key: send it as `Authorization: DPoP` or `api-key`, with a proof in the header `DPoP`.",
  ),
  proof_unexpected: row(
    401,
    "The capability token is bound to no key: send it as `api-key` or `Authorization: Bearer`, without a proof.",
  ),
  proof_malformed: row(401, "The proof in the header `DPoP` is not a well-formed DPoP proof (RFC 9449)."),
  proof_key_mismatch: row(401, "The proof is made with another key than the capability token is bound to."),
  proof_signature_invalid: row(401, "The proof's signature does not verify."),
  proof_request_mismatch: row(401, "The proof is for another request: `htm` or `htu` is not this one's."),
  proof_token_mismatch: row(401, "The proof is for another capability token: `ath` is not this one's."),
  proof_outdated: row(
    401,
    "The proof was made too long ago, or in the future; make a new one for each request.",
  ),
  proof_replayed: row(401, "The proof was used before; make a new one for each request."),
  proof_unsettled: row(
    503,
    "Whether the proof was used before cannot be told at the moment; make a new one and try again.",
    true,
  ),
  agent_unknown: row(403, "The capability token's agent is not registered."),
  agent_disabled: row(403, "The capability token's agent is disabled."),
  tenant_unknown: row(403, "The capability token's tenant does not exist here."),
  token_home_unknown: row(403, "The capability token's home has no stores in this deployment."),
  tenant_mismatch: row(403, "The capability token belongs to another tenant."),
  delegation_not_allowed: row(403, "The capability token does not allow this exchange."),
  authorization_exceeded: row(403, "A child token cannot allow what its parent does not."),
  delegations_exhausted: row(429, "This sub-agent has too many tokens that are still valid.", true),

  // Policy
  no_matching_grant: row(403, "No policy allows this action on this resource."),
  denied_by_policy: row(403, "A policy denies this action on this resource."),
  outside_boundary: row(403, "The request is not inside a boundary that applies to it."),
  outside_token: row(403, "The capability token does not cover this action on this resource."),
  tenant_not_allowed: row(403, "The policy does not allow this tenant."),
  role_not_allowed: row(403, "The policy requires a role that the capability does not carry."),
  agent_not_allowed: row(403, "The policy does not allow this agent."),
  classification_exceeded: row(403, "The data is classified higher than the policy allows."),
  tokens_per_request_exceeded: row(403, "The prompt alone exceeds the tokens allowed per request."),
  prompt_characters_exceeded: row(403, "The prompt is longer than the policy allows."),
  parameter_not_allowed: row(403, "A parameter of the request is outside the range that a policy allows."),
  pattern_denied: row(403, "The prompt holds a text that a policy denies."),
  encryption_required: row(
    403,
    "The policy requires TLS 1.2 or newer from the caller and https to the backend.",
  ),
  address_not_allowed: row(403, "The policy does not allow a request from this client address."),
  outside_validity: row(403, "The policy does not allow a request at this time."),
  tool_not_allowed: row(403, "The request offers a tool that it may not use."),
  store_not_allowed: row(
    403,
    "What is promised or demanded of residency does not cover storing answers at Azure.",
  ),
  indeterminate: row(403, "A rule needs a fact that is not known about this request."),
  constraint_not_available: row(403, "A policy uses a constraint that this version cannot enforce yet."),
  pending_approval: row(403, "The request waits for approval."),
  approval_required: row(
    403,
    "The request waits for approval; send the very same request again once it is approved.",
  ),
  approval_denied: row(403, "The approval of this request was denied."),
  approvals_exhausted: row(429, "Too many requests of this agent wait for approval."),
  approval_own_request: row(403, "An API key cannot decide on a request that it made itself."),

  // Residency
  residency_country: row(403, "A request from this country, or from an unknown one, is not allowed."),
  residency_ingress: row(403, "The tenant's residency promise does not allow a request from this place."),
  residency_colo: row(
    403,
    "The tenant's residency promise does not allow a request to be processed at this location.",
  ),
  residency_backend: row(
    403,
    "No backend of this deployment keeps the residency that is promised or demanded.",
  ),
  backend_classification: row(403, "No backend of this deployment may receive data of this classification."),

  // Quotas
  request_quota_exceeded: row(429, "The request quota is used up."),
  token_quota_exceeded: row(429, "The token quota has no room for this request."),
  request_rate_exceeded: row(429, "Too many requests in the last minute; try again shortly.", true),
  token_rate_exceeded: row(429, "Too many tokens in the last minute; try again shortly.", true),
  cost_quota_exceeded: row(429, "The budget has no room for this request."),
  concurrency_exceeded: row(429, "Too many requests are under way at once; try again shortly.", true),
  quota_keys_exhausted: row(
    429,
    "Too many end users, client addresses or exchanged tokens are being counted at once; try again later.",
    true,
  ),
  end_user_required: row(400, "A quota counts per end user: name one as `safety_identifier` or `user`."),
  price_unknown: row(403, "A cost limit applies, and no price is known for this deployment."),
  unbounded_ask: row(400, "A token or cost limit applies, and the prompt of this request cannot be bounded."),
  request_id_reused: row(409, "This request id was used for a different request within the last 10 minutes."),
  revision_unknown: row(
    409,
    "The tenant has not reached the revision that this request must be decided under.",
  ),

  // The request itself
  route_unknown: row(404, "This gateway does not serve this path."),
  operation_not_served: row(404, "This gateway does not serve this operation of Azure OpenAI yet."),
  files_not_served: row(404, "This gateway does not serve files yet."),
  batches_not_served: row(404, "This gateway does not serve batches yet."),
  realtime_not_served: row(404, "This gateway does not serve Realtime and other websockets yet."),
  method_not_allowed: row(405, "This path does not take this method."),
  path_invalid: row(400, "The path is not in its canonical form."),
  api_version_invalid: row(400, "The api-version is missing or not one this path accepts."),
  deployment_unknown: row(404, "No deployment has this name."),
  operation_not_supported: row(400, "This deployment does not serve this operation."),
  content_type_unsupported: row(415, "The body must be application/json in UTF-8."),
  body_missing: row(400, "The request needs a body."),
  body_too_large: row(413, "The body is larger than this gateway accepts."),
  body_invalid: row(400, "The body is not what this operation takes."),
  query_invalid: row(400, "The query is not what this operation takes."),
  unsupported_parameter: row(
    400,
    "The request uses a parameter that cannot be inspected under the obligations that apply.",
  ),
  stored_object_refused: row(
    400,
    "Of what is stored at Azure, a request can only use an answer of its own agent, where it may have answers stored.",
  ),
  stored_object_unknown: row(404, "This agent has no stored answer with this id."),

  // The control plane
  api_key_missing: row(401, "Send an API key as `X-Api-Key`."),
  api_key_invalid: row(401, "The API key is not valid."),
  api_key_expired: row(401, "The API key has expired; ask for a new one."),
  scope_missing: row(403, "The API key lacks the scope this operation needs."),
  not_found: row(404, "There is no such object."),
  already_exists: row(409, "An object with this id or name exists."),
  in_use: row(409, "The object is still in use."),
  key_state_conflict: row(409, "The states of the signing keys do not allow this."),
  key_published_too_recently: row(
    409,
    "The key was published so recently that caches of the published keys may lack it.",
  ),
  precondition_invalid: row(400, "`If-Match` takes `*` or a list of entity tags."),
  precondition_failed: row(412, "The object is not, or no longer, the version that `If-Match` names."),
  approval_decided: row(409, "The approval was decided the other way."),
  approval_expired: row(409, "The approval has expired."),
  approval_used: row(409, "The approval has let its request through."),
  write_in_progress: row(503, "Another change is being written; try again.", true),
  meaningless: row(422, "The document is well-formed but has no meaning."),
  home_not_configured: row(422, "This deployment has no stores for this home."),
  entra_not_configured: row(422, "This deployment has no keys for Microsoft Entra."),
  policy_tests_failed: row(422, "A test that a policy carries would fail."),
  webhook_secret_missing: row(
    422,
    "This deployment cannot sign webhooks: its secret `WEBHOOK_SECRET` is not set.",
  ),

  // Stores, ledgers, keys and Azure
  signing_keys_ended: row(
    503,
    "No signing key is left that may sign (each has ended, or was retired or killed), so no token can be issued.",
  ),
  snapshot_unavailable: row(503, "Policies cannot be read at the moment.", true),
  revision_unsettled: row(503, "Policies are changing; try again.", true),
  ledger_unavailable: row(503, "Quotas cannot be checked at the moment.", true),
  ledger_overloaded: row(503, "Too many requests of this agent at once; try again shortly.", true),
  audit_unavailable: row(503, "The decision cannot be recorded at the moment.", true),
  answer_unrecorded: row(
    503,
    "Azure was called, but the call cannot be recorded, so its answer is withheld.",
  ),
  store_unavailable: row(503, "A store cannot be reached at the moment.", true),
  backend_unavailable: row(503, "No backend of this deployment can be used at the moment.", true),
  backends_busy: row(
    429,
    "Every backend that this request may go to is at its limit; try again shortly.",
    true,
  ),
  upstream_unreachable: row(502, "Azure OpenAI could not be reached."),
  upstream_timeout: row(504, "Azure OpenAI did not answer in time."),
  upstream_broken: row(502, "Azure OpenAI's answer broke off."),
  relay_deadline: row(504, "The call reached its time limit."),
  internal_error: row(500, "The gateway failed; the request id names the failure."),
} as const satisfies Record<string, RefusalRow>;

export type RefusalCode = keyof typeof refusalTable;

/** The limit that bound, as a caller is told of it: without its owner, and without amounts of money. */
export interface BindingLimit {
  readonly scope: string;
  readonly meter: string;
  readonly window: string;
  readonly unit: string;
  readonly limit: number;
  readonly left: number;
  readonly resetsAt: string | null;
}

/** JSON-safe, so that it crosses RPC and enters records. `message` is for callers: never a secret, never a prompt. */
export interface Refusal {
  readonly code: RefusalCode;
  readonly message: string;
  /** The JSON path, header or parameter at fault. */
  readonly field?: string;
  /** May be a fraction. */
  readonly retryAfterSeconds?: number;
  readonly limit?: BindingLimit;
  /** Which approval the request waits for, or was denied. */
  readonly approvalId?: ApprovalId;
  /** What an unmet precondition should have named, for the header `etag`. */
  readonly etag?: string;
  /** For administrators and records: what was compared with what. */
  readonly evidence?: Readonly<Record<string, string | number | boolean | readonly string[]>>;
}

export const refuse = (code: RefusalCode, details: Partial<Omit<Refusal, "code">> = {}): Refusal => ({
  code,
  message: refusalTable[code].sentence,
  ...details,
});

/** The refusal codes as a non-empty tuple, for schemas that carry one. */
export const refusalCodes = Object.keys(refusalTable) as [RefusalCode, ...RefusalCode[]]; // Object.keys loses the key type.
