/**
 * Refusals on the wire: in Azure OpenAI's error shape on the data plane, so that the official SDKs throw their own
 * typed errors, and as RFC 9457 problems on the control plane. Evidence stays inside.
 */
import { type Refusal, refusalTable } from "./refusal.ts";

export interface WireAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

function commonHeaders(refusal: Refusal, requestId: string): Record<string, string> {
  const { retry } = refusalTable[refusal.code];
  const headers: Record<string, string> = {
    "x-request-id": requestId,
    "x-should-retry": String(retry),
    "cache-control": "no-store",
  };
  if (refusal.retryAfterSeconds !== undefined) headers["retry-after"] = String(refusal.retryAfterSeconds);
  else if (retry) headers["retry-after"] = "1";
  return headers;
}

/** @param decisionId lets an administrator find the trace. */
export function azureErrorOf(refusal: Refusal, requestId: string, decisionId?: string): WireAnswer {
  return {
    status: refusalTable[refusal.code].status,
    headers: {
      ...commonHeaders(refusal, requestId),
      "content-type": "application/json",
      ...(decisionId === undefined ? {} : { "portcullis-decision": decisionId }),
    },
    body: JSON.stringify({
      error: {
        code: refusal.code,
        message: refusal.message,
        param: refusal.field ?? null,
        type: "portcullis_refusal",
      },
    }),
  };
}

/** RFC 9457. `code` and `field` are extension members. */
export function problemOf(refusal: Refusal, requestId: string): WireAnswer {
  const { status, sentence } = refusalTable[refusal.code];
  return {
    status,
    headers: { ...commonHeaders(refusal, requestId), "content-type": "application/problem+json" },
    body: JSON.stringify({
      type: `urn:portcullis:problem:${refusal.code}`,
      title: sentence,
      status,
      code: refusal.code,
      detail: refusal.message,
      ...(refusal.field === undefined ? {} : { field: refusal.field }),
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
