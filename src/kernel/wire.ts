/**
 * Refusals on the wire: in Azure OpenAI's error shape on the data plane, so that the official SDKs throw their own
 * typed errors, and as RFC 9457 problems on the control plane. Evidence stays inside.
 */
import { challengeOf } from "./challenge.ts";
import { MAX_RETRY_AFTER_SECONDS } from "./limits.ts";
import { type Refusal, refusalTable } from "./refusal.ts";

export interface WireAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const DEFAULT_RETRY_SECONDS = 1;

function commonHeaders(refusal: Refusal, requestId: string): Record<string, string> {
  return {
    "x-request-id": requestId,
    "cache-control": "no-store",
    ...retryHeaders(refusal),
  };
}

/** Where a token is asked for in exchange for another, without a word about the data plane. */
const challengeHeaders = ({ code }: Refusal): Record<string, string> =>
  code.startsWith("proof_") && refusalTable[code].status === 401
    ? { "www-authenticate": challengeOf(code, null) }
    : {};

/**
 * The one rule for retries. SDKs obey `x-should-retry`, and sleep for whatever they are told: so nothing above a minute
 * is said, cut short where a retry is invited, left out where it is not.
 */
function retryHeaders({ code, retryAfterSeconds, limit }: Refusal): Record<string, string> {
  // A limit that names no wait has no room for this request however long it waits.
  const isHopeless = limit !== undefined && retryAfterSeconds === undefined;
  if (refusalTable[code].retry && !isHopeless) {
    const seconds = Math.min(retryAfterSeconds ?? DEFAULT_RETRY_SECONDS, MAX_RETRY_AFTER_SECONDS);
    return {
      "x-should-retry": "true",
      "retry-after": String(Math.ceil(seconds)),
      "retry-after-ms": String(Math.ceil(seconds * 1_000)),
    };
  }
  const isSoon = retryAfterSeconds !== undefined && retryAfterSeconds <= MAX_RETRY_AFTER_SECONDS;
  return {
    "x-should-retry": "false",
    ...(isSoon ? { "retry-after": String(Math.ceil(retryAfterSeconds)) } : {}),
  };
}

/** @param decisionId lets an administrator find the trace. */
export function azureErrorOf(refusal: Refusal, requestId: string, decisionId?: string): WireAnswer {
  return {
    status: refusalTable[refusal.code].status,
    headers: {
      ...commonHeaders(refusal, requestId),
      "content-type": "application/json",
      ...(decisionId === undefined ? {} : { "portcullis-decision": decisionId }),
      ...(refusal.approvalId === undefined ? {} : { "portcullis-approval": refusal.approvalId }),
    },
    body: JSON.stringify({
      error: {
        code: refusal.code,
        message: refusal.message,
        param: refusal.field ?? null,
        type: "portcullis_refusal",
        ...(refusal.limit === undefined ? {} : { limit: refusal.limit }),
        ...(refusal.approvalId === undefined ? {} : { approval_id: refusal.approvalId }),
      },
    }),
  };
}

/** RFC 9457. `code`, `field` and `limit` are extension members. */
export function problemOf(refusal: Refusal, requestId: string): WireAnswer {
  const { status, sentence } = refusalTable[refusal.code];
  return {
    status,
    headers: {
      ...commonHeaders(refusal, requestId),
      ...challengeHeaders(refusal),
      "content-type": "application/problem+json",
      ...(refusal.etag === undefined ? {} : { etag: refusal.etag }),
    },
    body: JSON.stringify({
      type: `urn:portcullis:problem:${refusal.code}`,
      title: sentence,
      status,
      code: refusal.code,
      detail: refusal.message,
      ...(refusal.field === undefined ? {} : { field: refusal.field }),
      ...(refusal.limit === undefined ? {} : { limit: refusal.limit }),
      requestId,
    }),
  };
}

/** @param more headers of the answer's own, such as `allow`. */
export function problemResponse(
  refusal: Refusal,
  requestId: string,
  more: Readonly<Record<string, string>> = {},
): Response {
  const { status, headers, body } = problemOf(refusal, requestId);
  return new Response(body, { status, headers: { ...headers, ...more } });
}

/** The one portable way to end a stream with an error: both official SDKs throw on it, and take a silent end for success. */
export const streamErrorEvent = (refusal: Refusal): string =>
  `data: ${JSON.stringify({ error: { code: refusal.code, message: refusal.message, param: null, type: "portcullis_refusal" } })}\n\n`;
