/** A refusal as the answer to a data-plane request. */
import type { Refusal } from "../kernel/refusal.ts";
import { azureErrorOf } from "../kernel/wire.ts";
import { challengeOf } from "./challenge.ts";

/** A request as it was received, with the id it got. */
export interface Received {
  readonly request: Request;
  readonly requestId: string;
  /** The URL of this resource's metadata (RFC 9728). */
  readonly resourceMetadata: string;
}

export function azureError(
  refusal: Refusal,
  { requestId, resourceMetadata }: Omit<Received, "request">,
  decisionId?: string,
): Response {
  const { status, headers, body } = azureErrorOf(refusal, requestId, decisionId);
  return new Response(body, {
    status,
    headers: {
      ...headers,
      "portcullis-request-id": requestId,
      ...(status === 401 ? { "www-authenticate": challengeOf(refusal.code, resourceMetadata) } : {}),
    },
  });
}
