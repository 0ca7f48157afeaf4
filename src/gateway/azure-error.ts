/** A refusal as the answer to a data-plane request. */
import type { Refusal } from "../kernel/refusal.ts";
import { azureErrorOf } from "../kernel/wire.ts";

/** A request as it was received, with the id it got. */
export interface Received {
  readonly request: Request;
  readonly requestId: string;
}

export function azureError(
  refusal: Refusal,
  { requestId }: Pick<Received, "requestId">,
  decisionId?: string,
): Response {
  const { status, headers, body } = azureErrorOf(refusal, requestId, decisionId);
  return new Response(body, { status, headers: { ...headers, "portcullis-request-id": requestId } });
}
